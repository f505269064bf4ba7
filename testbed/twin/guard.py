"""Judges every command before it reaches a wire."""

from __future__ import annotations

import math
from collections.abc import Sequence

from testbed.signals import Command, Priority, Signal, Verdict

_ROUNDING = 1e-9  # relative: a step computed from the same slew and time must not fail by its last bit


class Guard:
    """One synchronous judgement: is it writable, in time, a number, within limits, within slew.

    The slew of a signal is judged against the last value that was let through. A safe-state write is
    let through whatever came before it: bringing an actuator to safety is never too fast.
    """

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals = signals
        self._last: dict[int, tuple[int, float]] = {}

    def judge(self, command: Command, now_ns: int) -> bool:
        """Set the command's verdict, with the reason when it is refused; return whether it may pass."""
        signal = self._signals[command.signal]
        reason = self._objection(signal, command, now_ns)
        if reason is not None:
            command.verdict = Verdict.REFUSED
            command.reason = reason
            return False
        command.verdict = Verdict.ALLOWED
        self._last[command.signal] = (_meant_ns(command, now_ns), command.value)
        return True

    def _objection(self, signal: Signal, command: Command, now_ns: int) -> str | None:
        value = command.value
        if not signal.writable:
            return f"{signal.path} cannot be written"
        if not math.isfinite(value):
            return f"{signal.path}: {value} is no value"
        if signal.limits is not None and not signal.limits[0] <= value <= signal.limits[1]:
            low, high = signal.limits
            return (
                f"{signal.path}: {value:g} is outside its limits {low:g} to {high:g} {signal.unit}".rstrip()
            )
        if command.priority is Priority.SAFE:
            return None
        if now_ns > command.deadline_ns:
            late = (now_ns - command.deadline_ns) / 1e9
            return f"{signal.path}: the command is {late:.3g} s past its deadline"
        return self._too_fast(signal, value, _meant_ns(command, now_ns))

    def _too_fast(self, signal: Signal, value: float, meant_ns: int) -> str | None:
        last = self._last.get(signal.id)
        if signal.slew is None or last is None:
            return None
        then_ns, before = last
        allowed = signal.slew * (meant_ns - then_ns) / 1e9
        step = abs(value - before)
        if step <= allowed * (1 + _ROUNDING) + _ROUNDING:
            return None
        return (
            f"{signal.path}: a step of {step:g} {signal.unit} in {(meant_ns - then_ns) / 1e6:.3g} ms"
            f" is faster than its slew of {signal.slew:g} {signal.unit}/s"
        )


def _meant_ns(command: Command, now_ns: int) -> int:
    """Return the time that a command is meant for: of the sample that led to it, if one did.

    A controller reckons in the times of its samples; judged by ours, its steps would seem too fast
    whenever one sample was handed on later than the next.
    """
    return command.cause_ns or now_ns
