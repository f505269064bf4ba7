"""Judges one track: what differs, how much, and where first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import Columns, Times, Values
from .feed import Feed, Piece, in_order, in_time
from .matching import match
from .tracks import Track, Tracks


class Spot(NamedTuple):
    """Where a track differs first: the time in the comparison, and the place of the record in each session.

    `in_a` and `in_b` say which session has a record there; one has none where it lacks what the other has.
    """

    time_ns: int
    a_place: int
    b_place: int
    in_a: bool
    in_b: bool


@dataclass
class Findings:
    """What comparing a track came to.

    `missing` records of a have no counterpart in b, `extra` ones of b none in a, `differing` ones have some
    but none that agrees. Errors are of all that have one; `max_shift_ns` is the longest time to it.
    """

    a: int = 0
    b: int = 0
    missing: int = 0
    extra: int = 0
    a_differing: int = 0
    b_differing: int = 0
    max_error: float = 0.0
    max_error_ns: int | None = None
    max_shift_ns: int = 0
    first: Spot | None = None
    _squares: float = 0.0
    _errors: int = 0

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.first is None

    @property
    def differing(self) -> int:
        """How many records differ, in the session where they are more."""
        return max(self.a_differing, self.b_differing)

    @property
    def rms(self) -> float | None:
        """Root of the mean of the squared errors, None when there is none."""
        return math.sqrt(self._squares / self._errors) if self._errors else None

    def add_errors(self, times: Times, errors: Values, shifts: Times) -> None:
        """Count errors, NaN where there is none, and distances in time."""
        real = np.isfinite(errors)
        if real.any():
            errors, times = errors[real], times[real]
            self._squares += float(np.sum(errors * errors))
            self._errors += len(errors)
            worst = int(np.argmax(errors))  # the first of them
            error, time_ns = float(errors[worst]), int(times[worst])
            earlier = self.max_error_ns is not None and time_ns < self.max_error_ns
            if error > self.max_error or (error == self.max_error and earlier):
                self.max_error, self.max_error_ns = error, time_ns
        self.max_shift_ns = max(self.max_shift_ns, int(shifts.max(initial=0)))

    def note(self, spot: Spot) -> None:
        """Keep the earliest spot."""
        if self.first is None or spot.time_ns < self.first.time_ns:
            self.first = spot

    def as_dict(self, values: bool) -> dict[str, Any]:
        """Return it as plain JSON values, times in seconds; `values`: whether its records have values."""
        counts = {
            "same": self.same,
            "a": self.a,
            "b": self.b,
            "missing": self.missing,
            "extra": self.extra,
            "differing": self.differing,
            "max_shift_s": self.max_shift_ns / 1e9,
        }
        if not values:
            return counts
        return {
            **counts,
            "max_error": self.max_error if self._errors else None,
            "max_error_at_s": None if self.max_error_ns is None else self.max_error_ns / 1e9,
            "rms_error": self.rms,
        }


def judge(track: Track, tracks: Tracks) -> Findings:
    """Compare a track of two recordings."""
    feeds = Feed(track.columns(tracks.a)), Feed(track.columns(tracks.b))
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
