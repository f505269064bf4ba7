"""What a signal itself allows: is it writable, a number, within limits, in time, within slew."""

from __future__ import annotations

import math

from testbed.bench import Cause
from testbed.signals import Command, Signal

from .check import Finding

_ROUNDING = 1e-9  # relative: a step computed from the same slew and time must not fail by its last bit


class Bounds:
    """Writable, a number, within limits; also for a safe-state write."""

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return what is out of bounds."""
        value = command.value
        if not signal.writable:
            return Finding(Cause.WRITABLE, f"{signal.path} cannot be written")
        if not math.isfinite(value):
            return Finding(Cause.VALUE, f"{signal.path}: {value} is no value")
        if signal.limits is None or signal.limits[0] <= value <= signal.limits[1]:
            return None
        low, high = signal.limits
        text = f"{signal.path}: {value:g} is outside its limits {low:g} to {high:g} {signal.unit}".rstrip()
        return Finding(Cause.LIMITS, text, min(max(value, low), high))

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Nothing is kept."""


class Deadline:
    """A command that comes too late is none any more."""

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return how late it is."""
        late = (now_ns - command.deadline_ns) / 1e9
        if late <= 0:
            return None
        return Finding(Cause.DEADLINE, f"{signal.path}: the command is {late:.3g} s past its deadline")

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Nothing is kept."""


class Slew:
    """No faster than the signal may move, judged against the last value that went out."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return how much too fast it is."""
        last = self._last.get(signal.id)
        if signal.slew is None or last is None:
            return None
        then_ns, before = last
        since_ns = _meant_ns(command, now_ns) - then_ns
        allowed = signal.slew * since_ns / 1e9
        step = command.value - before
        if abs(step) <= allowed * (1 + _ROUNDING) + _ROUNDING:
            return None
        text = (
            f"{signal.path}: a step of {abs(step):g} {signal.unit} in {since_ns / 1e6:.3g} ms"
            f" is faster than its slew of {signal.slew:g} {signal.unit}/s"
        )
        return Finding(Cause.SLEW, text, before + math.copysign(max(allowed, 0.0), step))

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Keep what went out."""
        self._last[signal.id] = (_meant_ns(command, now_ns), command.value)


def _meant_ns(command: Command, now_ns: int) -> int:
    """Return the time that a command is meant for: of the sample that led to it, if one did.

    A controller reckons in the times of its samples; judged by ours, its steps would seem too fast
    whenever one sample was handed on later than the next.
    """
    return command.cause_ns or now_ns
