"""The run as a whole: its tests, its verdict, the requirements it traces."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from testbed.session.file.rows import finite
from testbed.session.results import TestOutcome

from .entry import Entry
from .matrix import Trace, traces
from .rates import Rate, rates
from .requirements import Requirement


@dataclass(frozen=True)
class Report:
    """Everything that is told of a run; `requirements` are those that it is traced to."""

    title: str
    entries: Sequence[Entry]
    requirements: Sequence[Requirement] = ()
    confidence: float = field(default=0.95, kw_only=True)
    """Of the intervals of rates."""

    @property
    def verdict(self) -> str:
        """Failed when a test failed; blocked when one was; passed when one passed at all."""
        counts = self.counts
        for outcome in (TestOutcome.FAILED, TestOutcome.BLOCKED, TestOutcome.PASSED):
            if counts[outcome.value]:
                return outcome.value
        return TestOutcome.SKIPPED.value

    @property
    def counts(self) -> dict[str, int]:
        """How many tests came to each outcome."""
        counted = Counter(entry.result.outcome for entry in self.entries)
        return {outcome.value: counted[outcome] for outcome in TestOutcome}

    @property
    def traces(self) -> list[Trace]:
        """What was shown of each requirement."""
        return traces(self.requirements, self.entries)

    @property
    def rates(self) -> list[Rate]:
        """How often each test that ran more than once passed."""
        return rates(self.entries, self.confidence)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, without curves."""
        plain: dict[str, Any] = finite(
            {
                "title": self.title,
                "verdict": self.verdict,
                "counts": self.counts,
                "tests": [entry_dict(entry) for entry in self.entries],
                "requirements": [trace.as_dict() for trace in self.traces],
                "rates": [rate.as_dict() for rate in self.rates],
            }
        )
        return plain


def entry_dict(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain JSON values."""
    nearest = entry.margins[:1]
    return {
        **msgspec.to_builtins(entry.result),
        "measurements": [
            {
                **msgspec.to_builtins(each),
                "margin": each.margin,
                "passed": each.passed,
                "value": each.value if math.isfinite(each.value) else None,
            }
            for each in entry.result.measurements
        ],
        "session": None if entry.session is None else str(entry.session),
        "expectations": [msgspec.to_builtins(each) for each in entry.judgements],
        "failures": entry.failures,
        "margin": nearest[0].as_dict() if nearest else None,
    }
