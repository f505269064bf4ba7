"""What can be expected of events, loops, twins and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.errors import UsageError
from testbed.session.checks import Happens, HappensNot, KeepsBudget
from testbed.session.results import ExpectationVerdict, Judgement
from testbed.signals import Outcome

from .about_signals import SignalExpecting
from .expecting import Expecting, Waiting, conclude
from .quantities import Time, show, show_span, show_time, time_of
from .scene import Scene
from .sketch import Trail

if TYPE_CHECKING:
    from testbed.signals import Command, Signal


class SessionExpecting(Expecting):
    """What can be expected of what is told in a session."""

    def to_tell(self, *kinds: str, of: str | None = None, within: Time) -> Waiting:
        """Expect events of these kinds in this order, others between them or not; `of` one device."""
        self._check(kinds)
        time_ns = time_of(within, "within", self._scene)
        text = f"{of or 'the session'} tells {', then '.join(kinds)} within {show_time(time_ns)}"
        return self._wait(Happens(text, kinds, of, time_ns))

    def to_tell_no(self, *kinds: str, of: str | None = None, during: Time | None = None) -> Waiting:
        """Expect that no event of any of these kinds comes."""
        self._check(kinds)
        time_ns = None if during is None else time_of(during, "during", self._scene)
        text = f"{of or 'the session'} tells no {', no '.join(kinds)} {show_span(time_ns)}"
        return self._wait(HappensNot(text, kinds, of, time_ns))

    def _check(self, kinds: tuple[str, ...]) -> None:
        if not kinds:
            raise UsageError(
                "nothing says which events", 'write for example to_tell("offline", "online", ...)'
            )


class LoopExpecting(Expecting):
    """What can be expected of a loop's timing."""

    def to_act_within(self, most: Time, *, share: float = 0.99, during: Time | None = None) -> Waiting:
        """Expect that a share of its cycles acts within a time of the sample's arrival.

        To act is to have the command acknowledged, or written where nothing acknowledges.
        """
        return self._wait(budget(self._scene, self._subject.name, most, share, during))


def budget(scene: Scene, loop: str, most: Time, share: float, during: Time | None) -> KeepsBudget:
    """Return the check of a loop's timing; raises UsageError."""
    if not 0 < share <= 1:
        raise UsageError(f"a share of {share} of all cycles cannot be", "write share=0.99")
    most_ns = time_of(most, "most", scene)
    time_ns = None if during is None else time_of(during, "during", scene)
    limit = show(most_ns / 1e6, "ms")
    text = f"loop {loop} acts within {limit} in {share * 100:g} % of its cycles {show_span(time_ns)}"
    return KeepsBudget(text, loop, share, most_ns, time_ns)


class TwinExpecting(SignalExpecting):
    """What can be expected of a twin: of how far it is from what is measured."""

    @property
    def _signal(self) -> Signal:
        signal: Signal = self._subject.model.sensors[0].signal
        return signal

    def to_agree(self, *, sigma: float = 3.0, during: Time, noise: str | float | None = None) -> Waiting:
        """Expect that what is measured is where it is predicted (see `to_agree_with_twin`)."""
        return self.to_agree_with_twin(sigma=sigma, during=during, noise=noise)


class CommandExpecting(Expecting):
    """What can be expected of a command that was given; judged at once, nothing is waited for."""

    def __init__(self, scene: Scene, command: Command, **how: Any) -> None:
        super().__init__(scene, command, **how)
        self._command = command
        self._signal = scene.bench.signals[command.signal]

    def to_be_acknowledged(self, *, within: Time | None = None) -> Judgement:
        """Expect that the device took it, within a time from the asking."""
        __tracebackhide__ = True
        command = self._command
        took_ns = command.done_ns - command.time_ns
        taken = command.outcome is Outcome.ACKNOWLEDGED
        limit_ns = None if within is None else time_of(within, "within", self._scene, self._signal)
        margin = (limit_ns - took_ns) / 1e6 if taken and limit_ns is not None else None
        told = f"{command.outcome} after {took_ns / 1e6:.5g} ms{self._reason()}"
        limit = "" if limit_ns is None else f" within {show_time(limit_ns)}"
        return self._conclude(f"is acknowledged{limit}", told, margin, holds=taken and (margin or 0) >= 0)

    def to_be_refused(self, because: str = "") -> Judgement:
        """Expect that it never reached the device; `because` is part of the reason."""
        __tracebackhide__ = True
        holds = self._command.outcome is Outcome.REFUSED and because in self._command.reason
        why = f" because of {because!r}" if because else ""
        return self._conclude(
            f"is refused{why}", f"{self._command.outcome}{self._reason()}", None, holds=holds
        )

    def _reason(self) -> str:
        return f": {self._command.reason}" if self._command.reason else ""

    def _conclude(self, what: str, told: str, margin: float | None, *, holds: bool) -> Judgement:
        __tracebackhide__ = True
        passed = holds is not self._contrary
        value = show(self._command.value, self._signal.unit)
        prefix = "not: " if self._contrary else ""
        judgement = Judgement(
            text=f"{prefix}{self._signal.path} to {value} {what}",
            verdict=ExpectationVerdict.PASSED if passed else ExpectationVerdict.FAILED,
            margin=-margin if margin is not None and self._contrary else margin,
            unit="ms",
            detail=told,
            signal=self._signal.path,
            since_ns=self._command.time_ns,
            until_ns=self._command.done_ns,
            at_ns=self._command.done_ns,
        )
        conclude(self._scene, judgement, Trail(), self._signal, soft=self._soft)
        return judgement
