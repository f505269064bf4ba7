"""The curves of one signal in both sessions, for drawing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from testbed.session.page import Curve
from testbed.signals import Quality, Signal

from .columns import Columns, Times, Values
from .feed import Feed, in_time
from .recording import Recording
from .tracks import Tracks, signal_of

_REACH_NS = 10**9  # how far from a sample the other session's samples may be that it is compared with


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
