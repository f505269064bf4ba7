"""What the earlier sessions of a test say of a measurement: spread, capability, trend."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

from testbed.errors import TestbedError
from testbed.session.file import SessionReader
from testbed.session.results import Measurement, TestOutcome, TestResult

_MOST = 100  # sessions that are looked at, the newest: what was long ago says little of today
_LEAST = 5  # values before a trend is spoken of
_SURE = 0.05


class Past:
    """The measurements in the sessions of one test; those taken elsewhere do not count."""

    def __init__(self, sessions: Sequence[Path]) -> None:
        """`sessions` begin with the newest, which says on what it was taken."""
        self._values: dict[tuple[str, str], list[float]] = {}
        read = [_read(path) for path in sessions[:_MOST]]
        for where, measured in reversed(read):
            if where == read[0][0]:
                for each in measured:
                    self._values.setdefault((each.name, each.unit), []).append(each.value)

    def of(self, measurement: Measurement) -> str:
        """Return spread, Cpk and trend in words; empty if the present value is the only one."""
        kept = self._values.get((measurement.name, measurement.unit), [])
        values = [each for each in kept if math.isfinite(each)]
        if len(values) < 2:
            return ""
        unit = f" {measurement.unit}" if measurement.unit else ""
        told = f"{len(values)} runs: mean {statistics.fmean(values):.5g}{unit}"
        index = cpk(values, measurement.low, measurement.high)
        told += "" if index is None else f", Cpk {index:.2f}"
        slope = trend(values)
        return told + ("" if slope is None else f", drifting by {slope:+.3g}{unit} a run")


def cpk(values: Sequence[float], low: float | None, high: float | None) -> float | None:
    """Return the process capability index: the nearer limit's distance from the mean, over 3 deviations.

    None without limits or without spread. Source: V. E. Kane, J. Quality Technology 18 (1986) 41.
    """
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    if not deviation:
        return None
    mean = statistics.fmean(values)
    room = [high - mean] if high is not None else []
    room += [mean - low] if low is not None else []
    return min(room) / (3 * deviation) if room else None


def trend(values: Sequence[float]) -> float | None:
    """Return the slope from run to run, oldest first, if it is significantly not 0 (5 %); else None."""
    if len(values) < _LEAST or len(set(values)) == 1:
        return None
    from scipy.stats import linregress

    line = linregress(range(len(values)), values)
    return float(line.slope) if line.pvalue < _SURE else None


def _read(path: Path) -> tuple[object, list[Measurement]]:
    """Return where a session was taken and what was measured; nothing of one that cannot be read."""
    try:
        with SessionReader(path) as session:
            meta = session.meta()
            emulated = [bool(told.get("emulated")) for told in meta["devices"].values()]
            result = msgspec.convert(meta["test"], TestResult)
    except (TestbedError, KeyError, AttributeError, TypeError, msgspec.ValidationError):
        return path, []
    kept = result.outcome in (TestOutcome.PASSED, TestOutcome.FAILED)
    return (meta.get("mode"), emulated), result.measurements if kept else []
