"""A small plot in text: what came of a signal, the band that was expected, and when it was not good."""

from __future__ import annotations

import math
from array import array

from testbed.signals import Quality, Sample

_KEPT = 1024  # samples; then of each four the lowest and the highest stay
_WIDTH, _HEIGHT = 60, 8


class Trail:
    """The samples of a signal as far as a sketch needs them, however many there are."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self.values: array[float] = array("d")
        self.newest_good: Sample | None = None

    def add(self, sample: Sample) -> None:
        """Keep a sample; NaN stands for one that is not good."""
        good = sample.quality is Quality.GOOD
        if good:
            self.newest_good = sample
        self.times.append(sample.time_ns)
        self.values.append(sample.value if good else math.nan)
        if len(self.times) > _KEPT:
            self._thin()

    def _thin(self) -> None:
        numbers = [
            number
            for start in range(0, len(self.times), 4)
            for number in self._telling(range(start, min(start + 4, len(self.times))))
        ]
        self.times = array("q", (self.times[number] for number in numbers))
        self.values = array("d", (self.values[number] for number in numbers))

    def _telling(self, part: range) -> list[int]:
        """Return which of a few samples stay: the lowest, the highest, and one that is not good."""
        known = [number for number in part if not math.isnan(self.values[number])]
        kept = (
            {min(known, key=self.values.__getitem__), max(known, key=self.values.__getitem__)}
            if known
            else set()
        )
        if len(known) < len(part):
            kept.add(next(number for number in part if math.isnan(self.values[number])))
        return sorted(kept)


def sketch(trail: Trail, low: float | None, high: float | None, zero_ns: int, until_ns: int) -> list[str]:
    """Return the lines of a plot from the first sample to `until_ns`; empty when no time has passed.

    The edges of the band are lines of dots, a column without a good sample ends in an x. Times are seconds
    since `zero_ns`.
    """
    good = [value for value in trail.values if not math.isnan(value)]
    if not good or trail.times[0] == trail.times[-1] >= until_ns:
        return []
    bottom, top = _range(good, [edge for edge in (low, high) if edge is not None])
    edges = [edge for edge in (low, high) if edge is not None and bottom <= edge <= top]

    def row_of(value: float) -> int:
        return round((value - bottom) / (top - bottom) * (_HEIGHT - 1))

    begin, end = trail.times[0], max(until_ns, trail.times[-1])
    cells = [["." if row in map(row_of, edges) else " "] * _WIDTH for row in range(_HEIGHT)]
    for column, values in enumerate(_columns(trail, begin, end)):
        known = [value for value in values if not math.isnan(value)]
        for row in range(row_of(min(known)), row_of(max(known)) + 1) if known else ():
            cells[row][column] = "*"
        if values and not known:
            cells[0][column] = "x"
    labels = {0: f"{bottom:.6g}", _HEIGHT - 1: f"{top:.6g}"} | {row_of(edge): f"{edge:.6g}" for edge in edges}
    lines = [f"{labels.get(row, ''):>9} |{''.join(cells[row]).rstrip()}" for row in reversed(range(_HEIGHT))]
    left, right = (f"{(time_ns - zero_ns) / 1e9:.4g} s" for time_ns in (begin, end))
    return [*lines, f"{'':>9} +{'-' * _WIDTH}", f"{'':>11}{left}{right:>{_WIDTH - len(left)}}"]


def _range(good: list[float], edges: list[float]) -> tuple[float, float]:
    """Return what the plot spans: the values, and the edges unless they are too far away to be drawn."""
    bottom, top = min(good), max(good)
    span = max(top - bottom, max(abs(top), abs(bottom)) * 1e-3, 1e-9)
    for edge in edges:
        if bottom - 5 * span <= edge <= top + 5 * span:
            bottom, top = min(bottom, edge), max(top, edge)
    margin = max((top - bottom) * 0.05, span * 0.01)
    return bottom - margin, top + margin


def _columns(trail: Trail, begin_ns: int, end_ns: int) -> list[list[float]]:
    """Return the values of each column; one without a sample has the value that held then."""
    columns: list[list[float]] = [[] for _ in range(_WIDTH)]
    for time_ns, value in zip(trail.times, trail.values, strict=True):
        columns[(time_ns - begin_ns) * (_WIDTH - 1) // max(end_ns - begin_ns, 1)].append(value)
    held: list[float] = []
    for values in columns:
        if not values:
            values += held[-1:]
        held = values
    return columns
