"""Judges every command before it reaches a wire."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from testbed.bench import Action, GuardPlan
from testbed.signals import Command, Priority, Signal, Verdict

from .bounds import Bounds, Deadline, Slew
from .check import Check, Finding

_VERDICTS = {Action.HOLD: Verdict.HELD, Action.REFUSE: Verdict.REFUSED, Action.SAFE_STOP: Verdict.SAFE_STOP}

_BARE = GuardPlan()


def _no_stop(signal: Signal, reason: str) -> None:
    pass


def _no_fault(text: str, error: Exception) -> None:
    raise error


class Guard:
    """One synchronous judgement, in the turn in which a command is given.

    The checks object in their order, and the bench's policy says what follows of each objection: the
    nearest allowed value goes out instead, the command is held, refused, or refused with its actuator driven
    to its safe value. What breaks a plain rule (no number, past its deadline, another's actuator) is always
    refused. A safe-state write is let through whatever the checks think, as long as it is a number within
    limits: bringing an actuator to safety is never too fast. When a check fails, or the judgement comes later
    than `plan.patience_ns`, anything but a safe-state write is refused.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        checks: Sequence[Check] | None = None,
        plan: GuardPlan = _BARE,
        *,
        now: Callable[[], int] | None = None,
        stop: Callable[[Signal, str], None] = _no_stop,
        fault: Callable[[str, Exception], None] = _no_fault,
    ) -> None:
        """Make a guard that asks `checks` in their order, by default those that need nothing but the signals.

        `now` gives session time, to find a late judgement (None: none is); `stop` drives a signal to its safe
        value; `fault` hears what failed.
        """
        self._signals = signals
        self._bounds = Bounds()
        self._checks: tuple[Check, ...] = (
            self._bounds,
            Deadline(),
            *((Slew(),) if checks is None else checks),
        )
        self._policy: Mapping[str, Action] = plan.policy
        self._patience_ns = plan.patience_ns
        self._now = now
        self._stop = stop
        self._fault = fault

    def judge(self, command: Command, now_ns: int) -> bool:
        """Set the command's verdict, with the reason when it is not let through; return whether it is.

        A clamped command gets the value that goes out; what was asked for is kept in `asked`.
        """
        signal = self._signals[command.signal]
        command.verdict = Verdict.ALLOWED
        try:
            if command.priority is Priority.SAFE:
                self._object(signal, command, self._bounds.look(signal, command, now_ns))
            else:
                self._look(signal, command, now_ns)
            if command.verdict.passes:
                for check in self._checks:
                    check.passed(signal, command, now_ns)
        except Exception as error:  # whatever fails in a check, nothing unjudged goes out
            self._failed(signal, command, error)
        return command.verdict.passes

    def _look(self, signal: Signal, command: Command, now_ns: int) -> None:
        for check in self._checks:
            finding = check.look(signal, command, now_ns)
            if finding is not None:
                self._object(signal, command, finding)
                if not command.verdict.passes:
                    return
        took_ns = 0 if self._now is None else self._now() - now_ns
        if took_ns > self._patience_ns:
            command.verdict = Verdict.REFUSED
            command.reason = (
                f"{signal.path}: it took {took_ns / 1e6:.3g} ms to judge it,"
                f" {self._patience_ns / 1e6:g} ms are allowed"
            )

    def _object(self, signal: Signal, command: Command, finding: Finding | None) -> None:
        """Do what the policy says of an objection."""
        if finding is None:
            return
        action = self._policy.get(finding.cause, Action.REFUSE)
        if action is Action.ALLOW:
            return
        if (
            action is Action.CLAMP
            and not math.isnan(finding.nearest)
            and command.priority is not Priority.SAFE
        ):
            _clamp(signal, command, finding)
            return
        command.verdict = _VERDICTS.get(action, Verdict.REFUSED)
        command.reason = finding.reason
        if action is Action.SAFE_STOP:
            self._stop(signal, finding.reason)

    def _failed(self, signal: Signal, command: Command, error: Exception) -> None:
        self._fault(f"the guard, judging {signal.path}", error)
        if command.priority is Priority.SAFE and command.value == signal.safe:
            command.verdict = Verdict.ALLOWED  # the one thing that is right whatever has failed
            return
        command.verdict = Verdict.REFUSED
        command.reason = f"{signal.path}: the guard failed, so it lets nothing pass: {error!r}"


def _clamp(signal: Signal, command: Command, finding: Finding) -> None:
    command.asked = command.wanted
    command.value = finding.nearest
    command.verdict = Verdict.CLAMPED
    command.reason = f"{finding.reason}; {finding.nearest:g} {signal.unit} goes out".rstrip()
