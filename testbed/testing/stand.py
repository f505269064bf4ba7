"""The bench of one test: opened and waited for, handed to the test, brought to safety and closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import msgspec

from testbed.errors import TestbedError, UsageError
from testbed.session.assembly import Assembly
from testbed.session.results import ExpectationVerdict, TestOutcome
from testbed.session.run import Run
from testbed.signals import Event, Level

from .about_runs import budget
from .asking import Asking
from .expecting import conclude
from .grounds import BEGIN, END, SOURCE, Ground, Hooks
from .handles import AnyBench, open_handles
from .markers import Budget
from .outcome import Told
from .readiness import Readiness
from .scene import Scene, enter
from .subjects import SessionHandle
from .watching import Watch

_LOG = logging.getLogger("testbed")
_LEVELS = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.ERROR: logging.ERROR}

Test = Callable[[], Coroutine[Any, Any, Any]]


class DeviceNotThere(TestbedError):
    """A device that a test needs could not be reached."""

    exit_code = 4


class BenchFailed(TestbedError):
    """The bench failed though its test may have passed: a driver crashed, an actuator did not go safe."""

    exit_code = 1


class Stand:
    """Runs a bench from `open` to `close`; what is called between runs on the same loop."""

    def __init__(
        self,
        ground: Ground,
        told: Told,
        needs: Iterable[str],
        *,
        patience: float,
        budgets: Sequence[Budget] = (),
    ) -> None:
        """`needs` are the devices without which the test cannot begin, and `patience` (s) theirs to be there.

        `budgets` are what its loops must keep.
        """
        self._patience = patience
        self.ground = ground
        self.told = told
        self._needs = list(needs)
        self._budgets = budgets
        self._scene: Scene | None = None
        self._run: Run | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ended: dict[str, Any] = {}
        self._held = contextlib.ExitStack()

    @property
    def scene(self) -> Scene:
        """The running bench."""
        assert self._scene is not None  # noqa: S101  (set by open)
        return self._scene

    @cached_property
    def bench(self) -> AnyBench:
        """The bench as a test sees it."""
        scene = self.scene
        ask = Asking(scene, self.ground.recording).ask
        readings = scene.parts.mirror.readings
        return open_handles(scene.bench.name, scene.bench.signals, readings, ask, scene.clock.sleep)

    def hold(self, lock: contextlib.AbstractContextManager[None]) -> None:
        """Hold a lock until it is closed; raises what that raises."""
        self._held.enter_context(lock)

    def open(self) -> None:
        """Start everything and wait until the devices are there; raises DeviceNotThere when they are not."""
        self.ground.call(self._open())

    def call(self, test: Test) -> Any:
        """Run the body of a test."""
        __tracebackhide__ = True
        return self.ground.call(self._test(test))

    @contextlib.contextmanager
    def body(self) -> Iterator[None]:
        """Mark in the session where the body of the test begins and ends, be it async or not."""
        scene = self.scene
        scene.started_ns = scene.clock.now()
        scene.report(Event(scene.started_ns, Level.INFO, SOURCE, BEGIN, self.told.node))
        try:
            yield
        finally:
            scene.report(Event(scene.clock.now(), Level.INFO, SOURCE, END, self.told.node))

    def close(self) -> None:
        """Bring everything to safety and close the session; raises BenchFailed."""
        try:
            self.ground.call(self._close())
        finally:
            self.ground.close()
            self._held.close()
        if wrong := self._wrong(self._ended):
            raise BenchFailed("; ".join(wrong), f"see: testbed show {self.ground.path}")

    # In the loop --------------------------------------------------------------------------------

    async def _open(self) -> None:
        there = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(there), name="the bench of a test")
        waiting = asyncio.create_task(there.wait())
        await asyncio.wait((self._keeper, waiting), return_when=asyncio.FIRST_COMPLETED)
        if self._keeper.done():
            waiting.cancel()
            await self._keeper
        enter(self.scene)
        if self.ground.begin_ns is not None:
            begun = asyncio.Event()
            self.scene.clock.at(self.ground.begin_ns, begun.set)
            await begun.wait()
            return
        missing = await Readiness(self.scene, self._needs, self._patience).wait()
        if missing:
            raise DeviceNotThere(missing, "testbed doctor looks at every wire of a bench")

    async def _keep(self, there: asyncio.Event) -> None:
        """Run the bench; `there` is set once it can be watched."""
        why = "the run has ended"

        def assembled(parts: Assembly) -> None:
            self._assembled(parts)
            there.set()

        try:
            async with self.ground.run(Hooks(self._tell, assembled, self._closing)) as run:
                self._run = run
                await run.run(None)
            if run.refused is not None:
                raise run.refused
        except BaseException as error:
            why = f"the run broke off: {error}"
            raise
        finally:
            if self._scene is not None:
                self._scene.end(why)

    def _assembled(self, parts: Assembly) -> None:
        run, ground = self._run, self.ground
        assert run is not None  # noqa: S101  (it is what calls)
        self._scene = scene = Scene(
            run.bench, run.clock, parts, ground.mode, ground.path, ground.seed, run.report, run.clock.now()
        )
        if ground.end_ns is not None:
            # The sample that decided the recorded test came at the very moment at which the test ended.
            run.clock.at(ground.end_ns + 1, partial(scene.end, "the recording ends here"))

    def _tell(self, event: Event) -> None:
        _LOG.log(_LEVELS[event.level], "%s: %s", event.source, event.text)
        if self._scene is not None:
            self._scene.hear(event)

    async def _test(self, test: Test) -> None:
        __tracebackhide__ = True
        scene = self.scene
        enter(scene)
        watches = [
            (self._watch(each), bool(wanted.loop)) for wanted in self._budgets for each in self._of(wanted)
        ]
        await test()
        if scene.waiting:
            forgotten = "; ".join(each.text for each in scene.waiting)
            raise UsageError(f"nobody waited for what was expected: {forgotten}", "write await before expect")
        self._conclude(watches)

    def _conclude(self, watches: Sequence[tuple[Watch, bool]]) -> None:
        """Tell what the budgets came to; of a mark for all loops, those with nothing to do are left out."""
        found = [(watch, watch.finish(), named) for watch, named in watches]
        idle = ExpectationVerdict.BLOCKED
        all_idle = all(judgement.verdict is idle for _, judgement, _ in found)
        for watch, judgement, named in found:
            if named or all_idle or judgement.verdict is not idle:
                conclude(self.scene, judgement, watch.trail, None, soft=True)

    def _of(self, wanted: Budget) -> Iterator[Budget]:
        for loop in [wanted.loop] if wanted.loop else self.scene.bench.loops:
            yield wanted._replace(loop=SessionHandle(self.scene).loop(loop).name)

    def _watch(self, each: Budget) -> Watch:
        watch = Watch(self.scene, budget(self.scene, each.loop, each.most, each.share, None))
        watch.begin()
        return watch

    async def _close(self) -> None:
        if self._keeper is None:
            return
        if self._run is not None and not self._keeper.done():
            self._run.stop("the test is over")
        await asyncio.wait((self._keeper,))
        error = self._keeper.exception()
        if error is not None:
            raise BenchFailed(f"the bench broke off: {error}") from error

    # What the session says at its end -----------------------------------------------------------

    def _closing(self, ended: dict[str, Any]) -> dict[str, Any]:
        self._ended = ended
        scene = self._scene
        judgements = [] if scene is None else scene.judgements
        result = self.told.result([] if scene is None else scene.measurements)
        failed = result.outcome is TestOutcome.PASSED and self._wrong(ended)
        return {
            **ended,
            "verdict": (TestOutcome.FAILED if failed else result.outcome).value,
            "expectations": [*ended["expectations"], *map(msgspec.to_builtins, judgements)],
            "test": msgspec.to_builtins(result),
        }

    def _wrong(self, ended: Mapping[str, Any]) -> list[str]:
        """Return what went wrong with the bench itself; in a replay nothing has to become safe."""
        unsafe = [] if self.ground.mode == "replay" else ended.get("unsafe", [])
        not_safe = [f"{path} did not confirm its safe value" for path in unsafe]
        return [*map(str, ended.get("failures", [])), *not_safe]
