"""Checks of a signal's quality, whatever its value."""

from __future__ import annotations

import math

from testbed.session.results import ExpectationVerdict
from testbed.signals import Sample, Signal

from .band import unseen
from .check import PASSED, UNDECIDED, Check


class StaysGood(Check):
    """Every sample until `during_ns` later (None: the end of the run) is good."""

    def __init__(self, text: str, signal: Signal, during_ns: int | None) -> None:
        super().__init__(text, signal)
        self._during_ns = math.inf if during_ns is None else during_ns

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def expire(self) -> None:
        """Settle that it has stayed good."""
        if not self.nothing_came():
            self.pass_(math.inf)

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Say that it has stayed good, if it was to be judged to the end of the run."""
        if not self.good_count:
            return unseen(self, end_ns, self.since_ns)
        if math.isfinite(self.due_ns):
            return UNDECIDED, "the run ended before its time was over"
        return PASSED, ""


class Becomes(Check):
    """Within `within_ns` a sample comes that is good (or, with `bad`, one that is not)."""

    def __init__(self, text: str, signal: Signal, within_ns: int, *, bad: bool) -> None:
        super().__init__(text, signal)
        self._within_ns = within_ns
        self._bad = bad

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._within_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        if not self._bad:
            self.pass_(sample.time_ns, f"after {self.seconds(sample.time_ns):.3g} s")

    def bad(self, sample: Sample) -> None:
        """Take one that is not good."""
        if self._bad:
            self.pass_(sample.time_ns, f"after {self.seconds(sample.time_ns):.3g} s: {sample.reason}")

    def expire(self) -> None:
        """Settle that it has not become so."""
        was = "good all the time" if self._bad else self.last_bad or "no sample came at all"
        self.fail(self.due_ns, f"not within {self._within_ns / 1e9:g} s: {was}")
