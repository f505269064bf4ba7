"""How a loop keeps its time: counts, percentiles and histograms, gathered cycle by cycle."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle

_PER_DECADE = 10


class Histogram:
    """Durations counted in ten spans a decade of microseconds; below 1 us counts as the first."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.total_us = 0.0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        self.counts[max(0, math.ceil(_PER_DECADE * math.log10(max(duration_ns, 1_000) / 1_000)))] += 1
        self.total_us += duration_ns / 1_000

    def percentile(self, share: float) -> float | None:
        """Return the end of the span in which the percentile lies, in us; None when nothing was counted."""
        rank = math.ceil(self.counts.total() * share)
        for bin_ in sorted(self.counts):
            rank -= self.counts[bin_]
            if rank <= 0:
                return bin_end(bin_)
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return [end of the span in us, count] pairs and percentiles."""
        return {
            "bins": [[round(bin_end(bin_), 3), self.counts[bin_]] for bin_ in sorted(self.counts)],
            "p50": self.percentile(0.5),
            "p99": self.percentile(0.99),
        }

    def cumulative(self) -> Mapping[float, int]:
        """Return how many were at most as long as each span's end, in seconds."""
        found, total = {}, 0
        for bin_ in sorted(self.counts):
            total += self.counts[bin_]
            found[bin_end(bin_) / 1e6] = total
        return found


def bin_end(bin_: int) -> float:
    """Return where a span ends, in microseconds."""
    return float(10 ** (bin_ / _PER_DECADE))


class LoopTiming:
    """The timing of one loop since its session began."""

    def __init__(self) -> None:
        self.cycles = self.overruns = self.acted_safe = 0
        self.lateness = Histogram()
        self.latency = Histogram()

    def add(self, cycle: Cycle) -> None:
        """Count one cycle; latency is to the acknowledgement, or to the write on wires that have none."""
        if cycle.flags & ACTED_SAFE:
            self.acted_safe += 1
            return
        self.cycles += 1
        self.overruns += bool(cycle.flags & OVERRUN)
        self.lateness.add(cycle.lateness_ns)
        done_ns = cycle.acknowledged_ns if cycle.acknowledged_ns >= 0 else cycle.latency_ns
        if done_ns >= 0:
            self.latency.add(done_ns)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, durations in us."""
        return {
            "cycles": self.cycles,
            "overruns": self.overruns,
            "acted_safe": self.acted_safe,
            "lateness": self.lateness.as_dict(),
            "latency": self.latency.as_dict(),
        }
