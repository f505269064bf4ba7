"""Tests that ran more than once: how often they passed, and what that says of how often they would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from testbed.session.results import TestOutcome
from testbed.session.statistics import pass_interval

from .entry import Entry


class Rate(NamedTuple):
    """A test, the places of its runs in `Report.entries`, and its rate with the interval at `confidence`.

    `runs` are those that passed or failed: one that was blocked or skipped says nothing.
    """

    name: str
    entries: list[int]
    passed: int
    runs: int
    low: float
    high: float
    confidence: float

    @property
    def flaky(self) -> bool:
        """Whether the same test both passed and failed."""
        return 0 < self.passed < self.runs

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**self._asdict(), "rate": self.passed / self.runs, "flaky": self.flaky}


def rates(entries: Sequence[Entry], confidence: float) -> list[Rate]:
    """Return the rate of each test that passed or failed more than once; the least sure to pass first."""
    runs: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        if entry.result.outcome in (TestOutcome.PASSED, TestOutcome.FAILED):
            runs.setdefault(entry.result.name, []).append(place)
    found = []
    for name, places in runs.items():
        if len(places) > 1:
            passed = sum(entries[place].result.outcome is TestOutcome.PASSED for place in places)
            low, high = pass_interval(passed, len(places), confidence)
            found.append(Rate(name, places, passed, len(places), low, high, confidence))
    return sorted(found, key=lambda rate: (rate.passed / rate.runs, rate.name))
