"""Judges one track: what differs, how much, and where first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .columns import Columns, Times
from .feed import Feed, Piece, in_order, in_time
from .findings import Findings, Spot
from .matching import match
from .tracks import Track, Tracks


def judge(track: Track, tracks: Tracks) -> Findings:
    """Compare a track of two recordings."""
    feeds = Feed(track.columns(tracks.a)), Feed(track.columns(tracks.b))
    with np.errstate(all="ignore"):  # a difference too large for a number is infinite, which says it well
        return _in_order(*feeds) if tracks.rules.strict else _InTime(track, tracks).findings(*feeds)


def _in_order(a: Feed, b: Feed) -> Findings:
    found = Findings()
    for left, right, place in in_order(a, b):
        same_values = left.values.view(np.int64) == right.values.view(np.int64)
        unlike = ~(same_values & (left.times == right.times) & (left.kinds == right.kinds))
        found.a_differing += int(np.count_nonzero(unlike))
        errors = np.abs(left.values - right.values)
        found.add_errors(left.times, errors, np.abs(left.times - right.times))
        if found.first is None and unlike.any():
            at = int(np.argmax(unlike))
            time_ns = int(min(left.times[at], right.times[at]))
            found.first = Spot(time_ns, place + at, place + at, True, True)
    found.missing, found.extra = _left(a), _left(b)
    if found.first is None and (found.missing or found.extra):
        longer = a if found.missing else b
        time_ns = int(longer.held.times[0])
        found.first = Spot(time_ns, a.first, b.first, bool(found.missing), bool(found.extra))
    found.a, found.b = a.first + found.missing, b.first + found.extra
    return found


def _left(feed: Feed) -> int:
    """Return how many records of a feed are left, keeping only the first ones of them."""
    count, kept = feed.held.size, feed.held
    while not feed.ended:
        feed.held = feed.held.part(slice(0, 0))
        feed.fill(1)
        count += feed.held.size
    feed.held = kept
    return count


class _InTime:
    """Judges a track by what stands within reach of each record's time, both ways."""

    def __init__(self, track: Track, tracks: Tracks) -> None:
        self._tolerance = track.tolerance
        self._within = tracks.rules.within_ns
        self._ends = tracks.span(tracks.a), tracks.span(tracks.b)

    def findings(self, a: Feed, b: Feed) -> Findings:
        found = Findings()
        for piece in in_time(a, b, self._within):
            self._judge_a(piece, found)
            self._judge_b(piece, found)
        return found

    def _judge_a(self, piece: Piece, found: Findings) -> None:
        part = _part(piece.a, piece)
        records = piece.a.part(part)
        lacking, differing = self._judge(records, piece.b, self._ends[1], found)
        found.a += records.size
        found.missing += int(np.count_nonzero(lacking))
        found.a_differing += int(np.count_nonzero(differing))
        at = _first(lacking | differing)
        if at is not None:
            other = piece.b_first + _beside(piece.b.times, records.times[at], bool(differing[at]))
            place = piece.a_first + part.start + at
            found.note(Spot(int(records.times[at]), place, other, True, bool(differing[at])))

    def _judge_b(self, piece: Piece, found: Findings) -> None:
        part = _part(piece.b, piece)
        records = piece.b.part(part)
        lacking, differing = self._judge(records, piece.a, self._ends[0], found)
        found.b += records.size
        found.extra += int(np.count_nonzero(lacking))
        found.b_differing += int(np.count_nonzero(differing))
        at = _first(lacking | differing)
        if at is not None:
            other = piece.a_first + _beside(piece.a.times, records.times[at], bool(differing[at]))
            place = piece.b_first + part.start + at
            found.note(Spot(int(records.times[at]), other, place, bool(differing[at]), True))

    def _judge(
        self, records: Columns, others: Columns, others_span: tuple[int, int], found: Findings
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which records the others lack, and which differ from all that are within reach."""
        matches = match(records, others, self._within, self._tolerance)
        found.add_errors(records.times, matches.errors, matches.shifts)
        lacking = ~matches.found & ~self._at_an_end(records.times, others_span)
        return lacking, matches.found & ~matches.agree

    def _at_an_end(self, times: Times, span: tuple[int, int]) -> NDArray[np.bool_]:
        """Say of which times the reach goes beyond the other session: there it may have no record."""
        near: NDArray[np.bool_] = np.minimum(np.abs(times - span[0]), np.abs(times - span[1])) < self._within
        return near


def _part(columns: Columns, piece: Piece) -> slice:
    since, until = np.searchsorted(columns.times, (piece.since_ns, piece.until_ns))
    return slice(int(since), int(until))


def _beside(times: Times, time_ns: np.int64, there: bool) -> int:
    """Return the place of the record nearest to a time; if none is `there`, where it would stand."""
    after = int(np.searchsorted(times, time_ns))
    if there and (after == len(times) or (after and time_ns - times[after - 1] < times[after] - time_ns)):
        return after - 1
    return after


def _first(which: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(which)) if which.any() else None
