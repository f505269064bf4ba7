"""`expect`: says what must hold of a running bench, and waits for exactly as long as it needs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

from testbed.errors import UsageError

from .scene import Scene, current

if TYPE_CHECKING:
    from testbed.session.checks import Check
    from testbed.session.results import Judgement
    from testbed.signals import Command, Signal

    from .about_runs import CommandExpecting, LoopExpecting, SessionExpecting, TwinExpecting
    from .about_signals import SignalExpecting
    from .handles import ReadableSignal
    from .sketch import Trail
    from .subjects import LoopHandle, SessionHandle, TwinHandle
    from .watching import Watch


class Waiting:
    """An expectation that begins when it is awaited, or with the block of an `async with`.

    `await` returns what it came to (a Judgement, with its margin) as soon as it is decided; a block ends
    when it is decided, or, when no time was given, decides it. Raises ExpectationFailed.
    """

    def __init__(self, scene: Scene, check: Check, *, soft: bool) -> None:
        self._scene = scene
        self._check = check
        self._soft = soft
        self._watch: Watch | None = None
        scene.waiting.append(self)

    @property
    def text(self) -> str:
        """What must hold, in words."""
        return self._check.text

    def __await__(self) -> Generator[Any, None, Judgement]:
        return self._whole().__await__()

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        watch = self._watch
        assert watch is not None  # noqa: S101  (set when the block began)
        if kind is not None:
            watch.cancel()  # what went wrong in the block is told, not what it led to
        else:
            self._tell(watch.finish() if watch.open_ended else await watch.decided())

    async def _whole(self) -> Judgement:
        __tracebackhide__ = True
        watch = self._begin()
        if watch.open_ended:
            watch.cancel()
            raise UsageError(
                f"{self.text}: nothing says for how long", 'write during="10 s", or: async with expect(...)'
            )
        judgement = await watch.decided()
        self._tell(judgement)
        return judgement

    def _begin(self) -> Watch:
        from .watching import Watch

        if self._watch is not None:
            raise UsageError(f"{self.text}: an expectation can be waited for once", "write it out again")
        self._scene.waiting.remove(self)
        self._watch = Watch(self._scene, self._check)
        self._watch.begin()
        return self._watch

    def _tell(self, judgement: Judgement) -> None:
        """Note what it came to; raise if it did not hold."""
        __tracebackhide__ = True
        assert self._watch is not None  # noqa: S101  (it has begun)
        signal = self._check.signals[0] if self._check.signals else None
        conclude(self._scene, judgement, self._watch.trail, signal, soft=self._soft)


def conclude(scene: Scene, judgement: Judgement, trail: Trail, signal: Signal | None, *, soft: bool) -> None:
    """Note what an expectation came to; raise ExpectationFailed, or keep it for the end if it is soft."""
    __tracebackhide__ = True
    from testbed.session.results import ExpectationVerdict

    from .failure import ExpectationFailed, tell_failure

    scene.judgements.append(judgement)
    if judgement.verdict is ExpectationVerdict.PASSED:
        return
    message = tell_failure(scene, judgement, trail, signal)
    if not soft:
        raise ExpectationFailed(message, judgement)
    scene.soft.append(message)


class Expecting:
    """What every subject of `expect` can: `.not_` turns what is said next into its contrary."""

    def __init__(self, scene: Scene, subject: Any, *, soft: bool = False, contrary: bool = False) -> None:
        self._scene = scene
        self._subject = subject
        self._soft = soft
        self._contrary = contrary

    @property
    def not_(self) -> Self:
        """The contrary: it is expected not to hold."""
        return type(self)(self._scene, self._subject, soft=self._soft, contrary=not self._contrary)

    def _wait(self, check: Check) -> Waiting:
        if self._contrary:
            from testbed.session.checks import Contrary

            check.text = f"not: {check.text}"
            check = Contrary(check)
        return Waiting(self._scene, check, soft=self._soft)


class Expect:
    """The function `expect`, and `expect.soft`."""

    @overload
    def __call__(self, subject: ReadableSignal) -> SignalExpecting: ...

    @overload
    def __call__(self, subject: SessionHandle) -> SessionExpecting: ...

    @overload
    def __call__(self, subject: LoopHandle) -> LoopExpecting: ...

    @overload
    def __call__(self, subject: TwinHandle) -> TwinExpecting: ...

    @overload
    def __call__(self, subject: Command) -> CommandExpecting: ...

    def __call__(self, subject: Any) -> Any:
        """Return what can be expected of a signal, a session, a loop, a twin or a command."""
        return _about(current(), subject, soft=False)

    @overload
    def soft(self, subject: ReadableSignal) -> SignalExpecting: ...

    @overload
    def soft(self, subject: SessionHandle) -> SessionExpecting: ...

    @overload
    def soft(self, subject: LoopHandle) -> LoopExpecting: ...

    @overload
    def soft(self, subject: TwinHandle) -> TwinExpecting: ...

    @overload
    def soft(self, subject: Command) -> CommandExpecting: ...

    def soft(self, subject: Any) -> Any:
        """Return the same; what does not hold is told at the end of the test, which goes on until then."""
        return _about(current(), subject, soft=True)


def _about(scene: Scene, subject: Any, *, soft: bool) -> Expecting:
    from testbed.signals import Command

    from .about_runs import CommandExpecting, LoopExpecting, SessionExpecting, TwinExpecting
    from .about_signals import SignalExpecting
    from .handles import ReadableSignal
    from .subjects import LoopHandle, SessionHandle, TwinHandle

    kinds: tuple[tuple[type, Callable[..., Expecting]], ...] = (
        (ReadableSignal, SignalExpecting),
        (SessionHandle, SessionExpecting),
        (LoopHandle, LoopExpecting),
        (TwinHandle, TwinExpecting),
        (Command, CommandExpecting),
    )
    for kind, expecting in kinds:
        if isinstance(subject, kind):
            return expecting(scene, subject, soft=soft)
    raise UsageError(
        f"nothing can be expected of {subject!r}",
        'expect a signal (bench["probe"].temperature), a command, session, a loop or a twin',
    )


expect = Expect()
