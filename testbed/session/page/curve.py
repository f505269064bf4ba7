"""Curves for drawing: so few points that a page stays light, and every extreme still among them."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]

BUCKETS = 1000
"""Into how many stretches of time a curve is cut unless told otherwise; two points of each are kept."""


class Curve:
    """Gathers points; when they are too many, the lowest and the highest of each stretch of time.

    A value that is NaN makes a gap, unless there are others in its stretch.
    """

    def __init__(self, start_ns: int, end_ns: int, buckets: int = BUCKETS) -> None:
        self._start = start_ns
        self._buckets = buckets
        self._width = max((end_ns - start_ns) // buckets, 0) + 1
        self._parts: list[tuple[Times, Values]] = []
        self._size = 0

    def add(self, times: Times, values: Values) -> None:
        """Add points."""
        self._parts.append((times, values))
        self._size += len(times)
        if self._size > 64 * self._buckets:
            self._reduce()

    def points(self) -> tuple[Times, Values]:
        """Return times (ns) and values in the order of time."""
        if self._size > 2 * self._buckets:
            self._reduce()
        times, values = self._joined()
        if np.any(times[1:] < times[:-1]):
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        return times, values

    def _joined(self) -> tuple[Times, Values]:
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        times, values = zip(*self._parts, strict=True)
        return np.concatenate(times), np.concatenate(values)

    def _reduce(self) -> None:
        times, values = self._joined()
        buckets = (times - self._start) // self._width
        order = np.lexsort((values, buckets))  # NaN stands behind every number
        buckets = buckets[order]
        ends = np.flatnonzero(np.append(buckets[1:] != buckets[:-1], True))
        begins = np.append(0, ends[:-1] + 1)
        numbers = np.add.reduceat(np.isfinite(values[order]), begins)
        highest = begins + np.maximum(numbers - 1, 0)
        kept = np.unique(np.concatenate((order[begins], order[highest])))
        self._parts = [(times[kept], values[kept])]
        self._size = len(kept)


def packed(times: Times, values: Values) -> dict[str, str]:
    """Return a curve as base64: times (ns) in s as float64, values as float32, both little-endian."""
    return {
        "t": base64.b64encode((times / 1e9).astype("<f8").tobytes()).decode(),
        "v": base64.b64encode(values.astype("<f4").tobytes()).decode(),
    }
