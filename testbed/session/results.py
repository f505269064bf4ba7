"""What tests and expectations come to, as every session file keeps it: one shape for runs, tests and reports.

In the metadata of a session: `expectations` is a list of Judgement, `test` a TestResult (absent in the
session of a plain run).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from enum import StrEnum
from typing import Any

import msgspec


class ExpectationVerdict(StrEnum):
    """What became of an expectation."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """No good sample ever came: there was nothing to judge."""
    UNDECIDED = "undecided"
    """The run ended before the time that the expectation allows, and it had not failed yet."""


class Judgement(msgspec.Struct, frozen=True):
    """The verdict on one expectation.

    `margin` is in `unit`: how far the signal stayed inside its band at the closest (negative: how far
    outside); None where there is nothing to measure. `signal` is the path of the signal that it speaks
    of, `low` and `high` its band (None: unbounded), `since_ns` to `until_ns` the time for which it was
    judged, `at_ns` the moment that decided it: when it failed, settled or was reached.
    """

    text: str
    verdict: ExpectationVerdict
    margin: float | None
    unit: str
    detail: str
    signal: str = ""
    low: float | None = None
    high: float | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    at_ns: int | None = None

    def __await__(self) -> Generator[None, None, Judgement]:
        """Give itself at once: in a test, what is decided already may be awaited like what is not."""
        return self
        yield


class Measurement(msgspec.Struct, frozen=True):
    """A number that a test took, in `unit`, with the limits that it must keep (None: no limit)."""

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def margin(self) -> float | None:
        """How far it is inside its limits (negative: outside); None when it has no limits or is NaN."""
        room = [self.value - self.low] if self.low is not None else []
        room += [self.high - self.value] if self.high is not None else []
        return min(room) if room and not math.isnan(self.value) else None

    @property
    def passed(self) -> bool:
        """Whether it keeps its limits; a value that is no number keeps none."""
        limited = self.low is not None or self.high is not None
        return not limited or (self.margin is not None and self.margin >= 0)


class TestOutcome(StrEnum):
    """What a test comes to."""

    __test__ = False  # the name begins like a test class; pytest must not collect it
    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """A device that it needs could not be reached: it says nothing about what was tested."""
    SKIPPED = "skipped"


class TestResult(msgspec.Struct, frozen=True):
    """One test of a run.

    `name` is pytest's node id, `message` says why when it did not pass, `seconds` how long it took on the
    wall. `parameters` are those of a sweep, `requirements` the ids that the test verifies.
    """

    __test__ = False
    name: str
    outcome: TestOutcome
    message: str = ""
    seconds: float = 0.0
    parameters: dict[str, Any] = {}
    requirements: list[str] = []
    measurements: list[Measurement] = []
