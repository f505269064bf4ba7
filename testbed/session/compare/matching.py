"""Finds for each record one of the other session, of its kind and within reach of its time, that agrees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.errors import UsageError

from .columns import Columns, Times, Values
from .rules import Tolerance

_LARGEST = 1 << 62


class Matches(NamedTuple):
    """For each record: is one of its kind within reach, does one agree, and how does the best one differ.

    `errors` are NaN where none is within reach. The best is the nearest in time of those that agree, else the
    one whose value differs least. `shifts` are its distance in time, ns.
    """

    found: NDArray[np.bool_]
    agree: NDArray[np.bool_]
    errors: Values
    shifts: Times


def match(records: Columns, others: Columns, within_ns: int, tolerance: Tolerance) -> Matches:
    """Match records against others; both are in the order of time."""
    if not tolerance.exact:
        return _by_value(records, others, within_ns, tolerance)
    same = _Lookup(_with_values(records, others), within_ns)
    agree = same.found
    shifts = np.where(agree, same.shifts, 0)
    errors = np.zeros(records.size)
    found = agree.copy()
    if not agree.all():
        rest = ~agree
        nearest = _Lookup((records.part(rest), others), within_ns)
        found[rest] = nearest.found
        errors[rest] = np.where(nearest.found, np.abs(records.values[rest] - nearest.values), np.nan)
        shifts[rest] = np.where(nearest.found, nearest.shifts, 0)
    return Matches(found, agree, errors, shifts)


def _with_values(records: Columns, others: Columns) -> tuple[Columns, Columns]:
    """Return both with the values made part of the kinds."""
    kinds = _numbered(records.kinds, others.kinds)
    values = _numbered(records.values + 0.0, others.values + 0.0)  # -0.0 becomes 0.0
    both = kinds * (int(values.max(initial=0)) + 1) + values
    return (
        records._replace(kinds=both[: records.size]),
        others._replace(kinds=both[records.size :]),
    )


def _numbered(first: NDArray[np.generic], second: NDArray[np.generic]) -> Times:
    """Return a number for each item, the same for equal ones, counted from 0 without gaps."""
    _, numbers = np.unique(np.concatenate((first, second)), return_inverse=True)
    return numbers.astype(np.int64)


class _Lookup:
    """Where in the others the records of each one's kind stand that are within reach of it."""

    def __init__(self, both: tuple[Columns, Columns], within_ns: int) -> None:
        records, others = both
        numbers = _numbered(records.kinds, others.kinds)
        times = np.concatenate((records.times, others.times))
        start = times.min(initial=np.iinfo(np.int64).max)
        # Kinds stand so far apart that a reach never touches the next one.
        apart = int(times.max(initial=start) - start) + 2 * within_ns + 1
        if int(numbers.max(initial=0)) * apart >= _LARGEST:
            raise UsageError("too many records stand within reach of one moment", "let times differ by less")
        keys = numbers * apart + (times - start)
        own, theirs = keys[: records.size], keys[records.size :]
        order = np.argsort(theirs, kind="stable")
        self.sorted_times = others.times[order]
        self.sorted_values = others.values[order]
        theirs = theirs[order]
        self.low = np.searchsorted(theirs, own - within_ns, "left")
        self.high = np.searchsorted(theirs, own + within_ns, "right")
        self.found = self.high > self.low
        self.nearest = self._nearest(np.searchsorted(theirs, own, "left"), records.times)
        if others.size:
            self.values = self.sorted_values[self.nearest]
            self.shifts = np.abs(self.sorted_times[self.nearest] - records.times)
        else:
            self.values = np.full(records.size, np.nan)
            self.shifts = np.zeros(records.size, np.int64)

    def _nearest(self, at: NDArray[np.intp], times: Times) -> NDArray[np.intp]:
        """Return the position of the nearest within reach; any position where there is none."""
        last = max(len(self.sorted_times) - 1, 0)
        after = np.clip(at, self.low, np.maximum(self.high - 1, self.low)).clip(0, last)
        before = np.clip(at - 1, self.low, np.maximum(self.high - 1, self.low)).clip(0, last)
        if not len(self.sorted_times):
            return after
        nearer = np.abs(self.sorted_times[before] - times) < np.abs(self.sorted_times[after] - times)
        return np.where(nearer, before, after)


def _by_value(records: Columns, others: Columns, within_ns: int, tolerance: Tolerance) -> Matches:
    look = _Lookup((records, others), within_ns)
    errors = np.where(look.found, np.abs(records.values - look.values), np.nan)
    shifts = np.where(look.found, look.shifts, 0)
    agree = look.found & (errors <= _allowed(tolerance, records.values, look.values))
    rest = np.flatnonzero(look.found & ~agree)
    if rest.size:
        rest = rest[~_beyond_reach(records, look, tolerance, rest, errors)]
        _search(records, look, tolerance, rest, Matches(look.found, agree, errors, shifts))
    return Matches(look.found, agree, errors, shifts)


def _allowed(tolerance: Tolerance, value: Values, other: Values) -> Values:
    relative = tolerance.relative * np.maximum(np.abs(value), np.abs(other))
    allowed: Values = np.maximum(tolerance.absolute, relative)
    return allowed


def _beyond_reach(
    records: Columns, look: _Lookup, tolerance: Tolerance, rest: NDArray[np.intp], errors: Values
) -> NDArray[np.bool_]:
    """Say of which records the value is beyond all that the others have within reach; sets their errors."""
    values = records.values[rest]
    lowest, highest = _extremes(look.sorted_values, look.low[rest], look.high[rest])
    allowed = _allowed(tolerance, values, np.maximum(np.abs(lowest), np.abs(highest)))
    distance = np.maximum(lowest - values, values - highest)
    beyond: NDArray[np.bool_] = distance > allowed
    errors[rest[beyond]] = distance[beyond]
    return beyond


def _extremes(values: Values, low: NDArray[np.intp], high: NDArray[np.intp]) -> tuple[Values, Values]:
    """Return lowest and highest of `values` in each range low to high (not empty), by doubling.

    Source: M. Bender and M. Farach-Colton, "The LCA problem revisited" (2000), the sparse table.
    """
    width = high - low
    level = np.floor(np.log2(width)).astype(np.int64)
    lowest, highest = np.empty(len(low)), np.empty(len(low))
    mins = maxs = values
    for number in range(int(level.max(initial=0)) + 1):
        if number:
            half = 1 << (number - 1)
            mins, maxs = np.minimum(mins[:-half], mins[half:]), np.maximum(maxs[:-half], maxs[half:])
        at = np.flatnonzero(level == number)
        left, right = low[at], high[at] - (1 << number)
        lowest[at] = np.minimum(mins[left], mins[right])
        highest[at] = np.maximum(maxs[left], maxs[right])
    return lowest, highest


def _search(
    records: Columns, look: _Lookup, tolerance: Tolerance, rest: NDArray[np.intp], matches: Matches
) -> None:
    """Look outward from the nearest one for one that agrees, for the records `rest`; notes what it finds."""
    step = 1
    while rest.size:
        more = np.zeros(rest.size, np.bool_)
        for side in (-step, step):
            at = look.nearest[rest] + side
            inside = (at >= look.low[rest]) & (at < look.high[rest])
            more |= inside
            who, at = rest[inside], at[inside]
            _consider(records, look, tolerance, who, at, matches)
        rest = rest[more & ~matches.agree[rest]]
        step += 1


def _consider(
    records: Columns,
    look: _Lookup,
    tolerance: Tolerance,
    who: NDArray[np.intp],
    at: NDArray[np.intp],
    matches: Matches,
) -> None:
    errors = np.abs(records.values[who] - look.sorted_values[at])
    shifts = np.abs(look.sorted_times[at] - records.times[who])
    agree = errors <= _allowed(tolerance, records.values[who], look.sorted_values[at])
    known = matches.agree[who]
    better = np.where(known, agree & (shifts < matches.shifts[who]), agree | (errors < matches.errors[who]))
    matches.agree[who] |= agree
    matches.errors[who[better]] = errors[better]
    matches.shifts[who[better]] = shifts[better]
