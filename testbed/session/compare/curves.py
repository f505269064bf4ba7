"""Curves for drawing: so few points that a page stays light, and every extreme still among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from testbed.signals import Quality, Signal

from .columns import Columns, Times, Values, joined
from .feed import Feed, in_time
from .recording import Recording
from .tracks import Tracks, signal_of

_BUCKETS = 1000
_REACH_NS = 10**9  # how far from a sample the other session's samples may be that it is compared with


class Curve:
    """Gathers points; when they are too many, the lowest and the highest of each stretch of time.

    A value that is NaN makes a gap, unless there are others in its stretch.
    """

    def __init__(self, start_ns: int, end_ns: int) -> None:
        self._start = start_ns
        self._width = max((end_ns - start_ns) // _BUCKETS, 0) + 1
        self._parts: list[Columns] = []
        self._size = 0

    def add(self, times: Times, values: Values) -> None:
        """Add points."""
        self._parts.append(Columns(times, values, np.zeros(len(times), np.int64)))
        self._size += len(times)
        if self._size > 64 * _BUCKETS:
            self._reduce()

    def points(self) -> tuple[Times, Values]:
        """Return times (ns) and values in the order of time."""
        if self._size > 2 * _BUCKETS:
            self._reduce()
        points = joined(self._parts).in_time()
        return points.times, points.values

    def _reduce(self) -> None:
        points = joined(self._parts)
        buckets = (points.times - self._start) // self._width
        order = np.lexsort((points.values, buckets))  # NaN stands behind every number
        buckets = buckets[order]
        ends = np.flatnonzero(np.append(buckets[1:] != buckets[:-1], True))
        begins = np.append(0, ends[:-1] + 1)
        numbers = np.add.reduceat(np.isfinite(points.values[order]), begins)
        highest = begins + np.maximum(numbers - 1, 0)
        kept = np.unique(np.concatenate((order[begins], order[highest])))
        self._parts = [points.part(kept)]
        self._size = len(kept)


def curves(signal: Signal, tracks: Tracks) -> dict[str, tuple[Times, Values]]:
    """Return the curves of a signal in both sessions, and of b less a."""
    spans = [tracks.span(recording) for recording in (tracks.a, tracks.b)]
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    a, b, difference = (Curve(start, end) for _ in range(3))
    left, right = (Feed(_drawn(recording, signal.path, tracks)) for recording in (tracks.a, tracks.b))
    for piece in in_time(left, right, _REACH_NS):
        for curve, columns in ((a, piece.a), (b, piece.b)):
            now = (columns.times >= piece.since_ns) & (columns.times < piece.until_ns)
            curve.add(columns.times[now], columns.values[now])
        times = piece.a.times[(piece.a.times >= piece.since_ns) & (piece.a.times < piece.until_ns)]
        difference.add(times, _at(piece.b, times, signal) - _at(piece.a, times, signal))
    return {"a": a.points(), "b": b.points(), "difference": difference.points()}


def _drawn(recording: Recording, path: str, tracks: Tracks) -> Iterator[Columns]:
    """Yield samples with NaN where there is no value to be trusted."""
    signal = signal_of(recording, path)
    if signal is None:
        return
    start = tracks.start(recording)
    for block in recording.samples(signal):
        values = np.where(block.qualities == Quality.BAD, np.nan, block.values)
        values[~np.isfinite(values)] = np.nan
        yield Columns(block.times - start, values, np.zeros(len(values), np.int64))


def _at(columns: Columns, times: Times, signal: Signal) -> Values:
    """Return the values at some times: what was commanded holds, what was measured lies between samples."""
    real = np.isfinite(columns.values)
    known, values = columns.times[real], columns.values[real]
    if not len(known):
        return np.full(len(times), np.nan)
    if signal.writable:
        place = np.searchsorted(known, times, "right") - 1
        found = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
    else:
        found = np.interp(times, known, values, left=np.nan, right=np.nan)
    return found
