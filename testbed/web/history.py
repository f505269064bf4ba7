"""A session's curves, thinned to what a screen can show with every extreme kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.session.file import SessionReader
from testbed.signals import Quality

Times = NDArray[np.int64]
Values = NDArray[np.float64]

_PER_BUCKET = 2
"""Chunks in a bucket from which on their own extremes are fine enough, and no blob is read."""


class Curve(NamedTuple):
    """Times (UTC ns, rising) and values of equal length; NaN where the signal was bad."""

    times: Times
    values: Values


class History(SessionReader):
    """A session that can be looked at from far and near."""

    def curve(self, signal: int, from_ns: int, to_ns: int, points: int) -> Curve:
        """Return one signal between two times as at most about `points` points.

        Each of points / 2 equal spans of time gives its lowest and its highest value, at their own times.
        The sample before and the one after are not looked for. What an hour at 1,000 samples/s costs: the
        chunks' minima and maxima, which stand in an index.
        """
        buckets = max(1, points // 2)
        width = max(1, -(-(to_ns - from_ns + 1) // buckets))
        with self._guard():
            (chunks,) = self._query(
                "SELECT count(*) FROM chunks WHERE signal = ? AND t0 <= ? AND t1 >= ?", signal, to_ns, from_ns
            ).fetchone()
        if chunks > _PER_BUCKET * buckets:
            curve = self._by_chunks(signal, from_ns, to_ns, width)
        else:
            curve = self._by_samples(signal, from_ns, to_ns)
        return curve if len(curve.times) <= points else thin(curve, from_ns, width)

    def around(self, signal: int, curve: Curve, from_ns: int, to_ns: int) -> Curve:
        """Return a curve with the sample before and the one after, so that a line reaches both edges."""
        before = self._nearest("t0 < ? ORDER BY t0 DESC", signal, from_ns, -1)
        after = self._nearest("t1 > ? ORDER BY t0", signal, to_ns, 0)
        parts = [part for part in (before, curve, after) if part is not None]
        return Curve(np.concatenate([p.times for p in parts]), np.concatenate([p.values for p in parts]))

    def _nearest(self, where: str, signal: int, time_ns: int, at: int) -> Curve | None:
        """Return the one sample beyond `time_ns` in the first chunk found; `at` 0 is after it, -1 before."""
        with self._guard():
            query = f"SELECT id, signal, first, n FROM chunks WHERE signal = ? AND {where} LIMIT 1"  # noqa: S608  (our own words)
            row = self._query(query, signal, time_ns).fetchone()
        if row is None:
            return None
        times, values = self._values(*row)
        beyond = np.flatnonzero(times > time_ns if at == 0 else times < time_ns)
        if not len(beyond):
            return None
        one = beyond[at : at + 1 or None]
        return Curve(times[one], values[one])

    def _by_samples(self, signal: int, from_ns: int, to_ns: int) -> Curve:
        where = "signal = ? AND t0 <= ? AND t1 >= ?"
        return self._decode(where, (signal, to_ns, from_ns), from_ns, to_ns)

    def _by_chunks(self, signal: int, from_ns: int, to_ns: int, width: int) -> Curve:
        """Take the extremes of whole chunks from the index, and read only those cut by the ends."""
        found: list[tuple[int, float]] = []
        with self._guard():
            for time, value in (("tmin", "min(vmin)"), ("tmax", "max(vmax)")):
                # SQLite gives the bare column of the row that min() or max() found (its SELECT, section 2.5).
                found += self._query(
                    f"SELECT {time}, {value} FROM chunks WHERE signal = ? AND t0 >= ? "  # noqa: S608
                    "AND t0 <= ? AND t1 <= ? AND vmin IS NOT NULL GROUP BY (t0 - ?) / ?",
                    signal, from_ns, to_ns, to_ns, from_ns, width,
                )  # fmt: skip
        whole = Curve(
            np.array([time for time, _ in found], np.int64),
            np.array([value for _, value in found], np.float64),
        )
        cut = "signal = ? AND ((t0 < ? AND t1 >= ?) OR (t0 <= ? AND t1 > ?))"
        ends = self._decode(cut, (signal, from_ns, from_ns, to_ns, to_ns), from_ns, to_ns)
        return _sorted(np.concatenate((whole.times, ends.times)), np.concatenate((whole.values, ends.values)))

    def _decode(self, where: str, values: tuple[int, ...], from_ns: int, to_ns: int) -> Curve:
        with self._guard():
            query = f"SELECT id, signal, first, n FROM chunks WHERE {where} ORDER BY t0, id"  # noqa: S608
            places = self._query(query, *values).fetchall()
        times, samples = [np.empty(0, np.int64)], [np.empty(0, np.float64)]
        for place in places:
            time, value = self._values(*place)
            times.append(time)
            samples.append(value)
        curve = _sorted(np.concatenate(times), np.concatenate(samples))
        first, last = np.searchsorted(curve.times, (from_ns, to_ns + 1))
        return Curve(curve.times[first:last], curve.values[first:last])

    def _values(self, number: int, signal: int, first: int, n: int) -> Curve:
        chunk = self._chunk(number, signal, first, n)
        if chunk is None:
            return Curve(np.empty(0, np.int64), np.empty(0, np.float64))
        values = np.array(chunk.values, np.float64)
        values[np.frombuffer(chunk.qualities, np.uint8) == Quality.BAD] = np.nan
        return Curve(np.array(chunk.times, np.int64), values)


def thin(curve: Curve, from_ns: int, width: int) -> Curve:
    """Return the lowest and the highest point of each span of `width` ns; one that is all NaN stays a gap."""
    bucket = (curve.times - from_ns) // width
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1)) if len(bucket) else np.empty(0, np.int64)
    if not len(starts):
        return curve
    nan = np.isnan(curve.values)
    lowest = _first_at(np.where(nan, np.inf, curve.values), np.minimum, starts)
    highest = _first_at(np.where(nan, -np.inf, curve.values), np.maximum, starts)
    kept = np.unique(np.concatenate((lowest, highest)))
    return Curve(curve.times[kept], curve.values[kept])


def _first_at(values: Values, extreme: np.ufunc, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each run that begins at `starts` first takes its extreme."""
    runs = np.diff(np.append(starts, len(values)))
    hits = np.flatnonzero(values == np.repeat(extreme.reduceat(values, starts), runs))
    return hits[np.searchsorted(hits, starts)]


def _sorted(times: Times, values: Values) -> Curve:
    if len(times) > 1 and np.any(times[1:] < times[:-1]):
        order = np.argsort(times, kind="stable")
        return Curve(times[order], values[order])
    return Curve(times, values)
