"""The contrary of a check: what `.not_` makes of it."""

from __future__ import annotations

import math

from testbed.session.results import ExpectationVerdict, Judgement
from testbed.signals import Command, Event, Sample

from .check import FAILED, PASSED, Check

_CONTRARY = {PASSED: FAILED, FAILED: PASSED}


class Contrary(Check):
    """Holds when another check fails, and fails when it holds; its margin is the other's, negated.

    What failed because a signal was not good does not hold either way.
    """

    def __init__(self, other: Check) -> None:
        super().__init__(other.text, *other.signals, unit=other.unit)
        self._other = other

    def started(self) -> None:
        """Begin the other."""
        self._other.begin(self.since_ns, zero_ns=self.zero_ns)
        self._follow()

    def good(self, sample: Sample) -> None:
        """Hand it on."""
        self._hand_on(sample)

    def bad(self, sample: Sample) -> None:
        """Hand it on."""
        self._hand_on(sample)

    def _hand_on(self, sample: Sample) -> None:
        self._other.take(sample)
        self._follow()

    def event(self, event: Event) -> None:
        """Hand it on."""
        self._other.event(event)
        self._follow()

    def command(self, command: Command) -> None:
        """Hand it on."""
        self._other.command(command)
        self._follow()

    def expire(self) -> None:
        """Let the other decide."""
        self._other.expire()
        self._follow()

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Turn what the other comes to."""
        verdict, detail = self._other.closing(end_ns)
        return _CONTRARY.get(verdict, verdict), detail

    def _follow(self) -> None:
        other = self._other
        self.due_ns = other.due_ns
        self.low, self.high, self.unit = other.low, other.high, other.unit
        self.margin = -other.margin if math.isfinite(other.margin) else math.inf
        if self.verdict is None and other.verdict is not None:
            turned = other.verdict if other.broken_by_bad else _CONTRARY.get(other.verdict, other.verdict)
            self.verdict, self.detail, self.at_ns = turned, other.detail, other.at_ns
            if turned is FAILED and not other.broken_by_bad:
                self.detail = f"it does: {other.detail}" if other.detail else "it does"

    def judgement(self, end_ns: int) -> Judgement:
        """Return what it comes to, were the run to end now; the band is what it had to leave."""
        found = super().judgement(end_ns)
        self._follow()
        return found
