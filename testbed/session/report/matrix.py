"""The trace from requirements to what was shown of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from testbed.session.results import TestOutcome

from .entry import Entry
from .requirements import Requirement


class TraceVerdict(StrEnum):
    """What is known of a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """No test of it failed, but one could not be carried out."""
    NOT_TESTED = "not tested"
    """No test verifies it, or all that do were skipped."""


class Trace(NamedTuple):
    """A requirement and the places in `Report.entries` of the tests that verify it.

    `listed` is False for one that a test names and no list has.
    """

    requirement: Requirement
    verdict: TraceVerdict
    tests: list[int]
    listed: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        told = {"id": self.requirement.id, "text": self.requirement.text, "verdict": self.verdict.value}
        return {**told, "tests": self.tests, "listed": self.listed}


def traces(requirements: Sequence[Requirement], entries: Sequence[Entry]) -> list[Trace]:
    """Return what was shown of each requirement, and of those that only tests name."""
    verified: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        for name in dict.fromkeys(entry.result.requirements):
            verified.setdefault(name, []).append(place)
    listed = {requirement.id for requirement in requirements}
    unlisted = [Requirement(name, "") for name in verified if name not in listed]
    found = []
    for requirement in [*requirements, *unlisted]:
        tests = verified.get(requirement.id, [])
        verdict = _verdict(entries[place].result.outcome for place in tests)
        found.append(Trace(requirement, verdict, tests, requirement.id in listed or not requirements))
    return found


def _verdict(outcomes: Iterable[TestOutcome]) -> TraceVerdict:
    came = set(outcomes)
    for outcome in (TestOutcome.FAILED, TestOutcome.BLOCKED, TestOutcome.PASSED):
        if outcome in came:
            return TraceVerdict(outcome.value)
    return TraceVerdict.NOT_TESTED
