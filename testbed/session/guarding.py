"""Puts together what a bench's commands are judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from testbed.bench import Bench, TwinLevel
from testbed.clock import Clock
from testbed.control import Commander, ManualControl, SafeState
from testbed.signals import Command, Event, Hub, Signal, Stage
from testbed.twin import LiveTwin, Mirror
from testbed.twin.guard import Ahead, Basis, Check, Guard, Habits, Interlocks, Ownership, Slew


class Guarding:
    """The guard of a bench; it judges once it is connected to those that act for it."""

    def __init__(
        self,
        bench: Bench,
        mirror: Mirror,
        clock: Clock,
        lane: Callable[[str], Clock],
        report: Callable[[Event], None],
        fail: Callable[[str, Exception], None],
    ) -> None:
        """`lane` gives the guard's part of `clock`; `fail` hears what failed in it."""
        self._bench = bench
        self._mirror = mirror
        self._clock = clock
        self._lane = lane
        self._report = report
        self._fail = fail

    def connect(
        self,
        hub: Hub,
        commander: Commander,
        manual: ManualControl,
        safe_state: SafeState,
        twins: Iterable[LiveTwin] = (),
    ) -> None:
        """Build the checks, and let them follow the samples."""
        bench, plan = self._bench, self._bench.guard
        self.interlocks = Interlocks(
            plan.interlocks, self._mirror.value, self._lane("guard") if plan.interlocks else self._clock,
            safe_state.drive, commander.reachable, self._report,
        )  # fmt: skip
        for signal in self.interlocks.followed:
            hub.subscribe(signal, Stage.TWIN, self.interlocks.observe)
        owners = {loop.writes.id: f"loop {name}" for name, loop in bench.loops.items()}
        checks: list[Check] = [
            Ownership(owners, manual.holder, self._may_not_write),
            Basis(plan.freshness_ns),
            self.interlocks,
        ]
        if plan.lookahead.never:
            ahead = Ahead(plan.lookahead, twins, bench.signals, self._mirror.value, safe_state.drive)
            for number in ahead.followed:
                hub.subscribe(number, Stage.WATCH, ahead.watch)
            checks.append(ahead)
        checks.append(Slew())
        if plan.habit is not None:
            checks.append(Habits(plan.habit, self._seen(), self._mirror.value))
        self._guard = Guard(
            bench.signals, checks, plan, now=self._clock.now, fault=self._fail,
            stop=lambda signal, reason: self._stop(safe_state, signal, reason),
        )  # fmt: skip

    def judge(self, command: Command, now_ns: int) -> bool:
        """Judge a command; see Guard.judge."""
        return self._guard.judge(command, now_ns)

    def _stop(self, safe_state: SafeState, signal: Signal, reason: str) -> None:
        if signal.safe is not None:
            safe_state.drive(signal, f"guard: {reason}")

    def _may_not_write(self, twin: str, signal: Signal) -> str | None:
        found = self._bench.twins.get(twin)
        if found is None or found.device.name != signal.device:
            return f"{signal.path} is no signal of the twin {twin}"
        if found.level is TwinLevel.INTEGRATED:
            return None
        return f"the twin {twin} is declared {found.level}; only an integrated one may write {signal.path}"

    def _seen(self) -> dict[int, Sequence[Signal]]:
        """Return what the owner of each actuator looks at."""
        return {loop.writes.id: (loop.reads,) for loop in self._bench.loops.values()}
