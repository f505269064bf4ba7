"""An independent judge of expectations: it reads an exported CSV whole, and shares no code with the checks.

Where the checks walk sample by sample and remember little, this one sees everything and says what is so by
definition: a list of rows, a stretch of time, and numpy.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from io import StringIO
from typing import NamedTuple

import numpy as np

PASSED, FAILED, BLOCKED = "passed", "failed", "blocked"


class Row(NamedTuple):
    time_ns: int
    value: float
    good: bool


class Verdict(NamedTuple):
    word: str
    margin: float | None = None
    """None where nothing is said of it."""


def rows_of(text: str) -> dict[str, list[Row]]:
    """Return the rows of each signal (device.signal) of an exported CSV."""
    found: dict[str, list[Row]] = {}
    for row in csv.DictReader(StringIO(text)):
        value = float(row["value"]) if row["value"] else math.nan
        kept = Row(int(row["time_ns"]), value, row["quality"] == "good")
        found.setdefault(f"{row['device']}.{row['signal']}", []).append(kept)
    return found


@dataclass(frozen=True)
class Watched:
    """A signal as it is seen from `begin_ns` on: what held then, and all that came later."""

    begin_ns: int
    rows: list[Row]

    @classmethod
    def of(cls, rows: list[Row], begin_ns: int) -> Watched:
        before = [row for row in rows if row.time_ns <= begin_ns][-1:]
        after = [row for row in rows if row.time_ns > begin_ns]
        return cls(begin_ns, [*(row._replace(time_ns=begin_ns) for row in before), *after])

    def during(self, span_ns: int) -> list[Row]:
        return [row for row in self.rows if row.time_ns <= self.begin_ns + span_ns]

    def unbroken(self, span_ns: int) -> tuple[list[Row], bool]:
        """Return the rows before the first that is not good, and whether there is such a one."""
        rows = self.during(span_ns)
        bad = [number for number, row in enumerate(rows) if not row.good]
        return (rows[: bad[0]], True) if bad else (rows, False)

    # The families -------------------------------------------------------------------------------

    def stays(self, low: float, high: float, span_ns: int) -> Verdict:
        rows, broken = self.unbroken(span_ns)
        room = np.array([min(high - row.value, row.value - low) for row in rows])
        out = np.flatnonzero(room < 0)
        if out.size:
            return Verdict(FAILED, float(room[out[0]]))
        if broken:
            return Verdict(FAILED)
        return Verdict(PASSED, float(room.min())) if rows else Verdict(BLOCKED)

    def reaches(self, low: float, high: float, span_ns: int) -> Verdict:
        good = [row for row in self.during(span_ns) if row.good]
        room = np.array([min(high - row.value, row.value - low) for row in good])
        if not good:
            return Verdict(BLOCKED)
        inside = np.flatnonzero(room >= 0)
        return Verdict(PASSED, float(room[inside[0]])) if inside.size else Verdict(FAILED, float(room.max()))

    def settles(self, low: float, high: float, within_ns: int, hold_ns: int) -> Verdict:
        """It settled if some moment in time is followed by `hold_ns` in which every row is inside."""
        for start in (row.time_ns for row in self.during(within_ns)):
            held = [row for row in self.rows if start <= row.time_ns <= start + hold_ns]
            if all(row.good and low <= row.value <= high for row in held):
                return Verdict(PASSED, min(min(high - row.value, row.value - low) for row in held))
        seen = any(row.good for row in self.during(within_ns))
        return Verdict(FAILED if seen else BLOCKED)

    def changes(self, by: float, span_ns: int) -> Verdict:
        values = np.array([row.value for row in self.during(span_ns) if row.good])
        if not values.size:
            return Verdict(BLOCKED)
        changes = np.abs(values - values[0])
        enough = np.flatnonzero(changes >= by)
        if enough.size:
            return Verdict(PASSED, float(changes[enough[0]] - by))
        return Verdict(FAILED, float(changes.max() - by))

    def overshoots(self, target: float, most: float, span_ns: int) -> Verdict:
        rows, broken = self.unbroken(span_ns)
        if not rows:
            return Verdict(FAILED if broken else BLOCKED)
        side = np.sign(target - rows[0].value)
        past = np.array([(row.value - target) * side if side else abs(row.value - target) for row in rows])
        out = np.flatnonzero(past > most)
        if out.size:
            return Verdict(FAILED, float(most - past[out[0]]))
        return Verdict(FAILED) if broken else Verdict(PASSED, float(most - past.max()))

    def rises(self, start: float, end: float, most_ns: int, within_ns: int) -> Verdict:
        """The time runs from the last row not beyond `start` to the first at `end`."""
        rows, broken = self.unbroken(within_ns)
        sign = 1 if end > start else -1
        left = 0
        for number, row in enumerate(rows):
            if sign * rows[number - 1].value > sign * start and row.time_ns - rows[left].time_ns > most_ns:
                return Verdict(FAILED)
            if sign * row.value <= sign * start:
                left = number
            if sign * row.value >= sign * end:
                return Verdict(PASSED, (most_ns - (row.time_ns - rows[left].time_ns)) / 1e9)
        return Verdict(FAILED if rows or broken else BLOCKED)

    def changes_slowly(self, most: float, over_ns: int, span_ns: int) -> Verdict:
        """Each row against the value that held `over_ns` before it, or against the row before it."""
        rows, broken = self.unbroken(span_ns)
        rates: list[float] = []
        for number, row in enumerate(rows):
            if over_ns:
                old = [each for each in rows if each.time_ns <= row.time_ns - over_ns]
                rates += [abs(row.value - old[-1].value) / (over_ns / 1e9)] if old else []
            elif number and rows[number - 1].time_ns > self.begin_ns:  # when that came is not known
                before = rows[number - 1]
                rates.append(abs(row.value - before.value) / ((row.time_ns - before.time_ns) / 1e9))
        if any(rate > most for rate in rates) or broken:
            return Verdict(FAILED)
        return Verdict(PASSED, most - max(rates) if rates else None) if rows else Verdict(BLOCKED)

    def stays_good(self, span_ns: int) -> Verdict:
        rows = self.during(span_ns)
        return Verdict(BLOCKED) if not rows else Verdict(PASSED if all(row.good for row in rows) else FAILED)

    def becomes(self, span_ns: int, *, good: bool) -> Verdict:
        return Verdict(PASSED if any(row.good is good for row in self.during(span_ns)) else FAILED)

    def is_stable(self, most: float, over_ns: int, span_ns: int) -> Verdict:
        rows, broken = self.unbroken(span_ns)
        if broken or not rows:
            return Verdict(FAILED if broken else BLOCKED)
        means = []
        for number in range(span_ns // over_ns):
            low = self.begin_ns + number * over_ns
            inside = [row.value for row in rows if low <= row.time_ns < low + over_ns]
            means.append(np.mean(inside) if inside else np.nan)
        steps = np.diff(means)
        steps = steps[~np.isnan(steps)]
        if not steps.size:
            return Verdict(FAILED)
        margin = most - math.sqrt(float(np.mean(steps**2)) / 2)
        return Verdict(PASSED if margin >= 0 else FAILED, margin)

    def follows(self, other: Watched, least: float, span_ns: int) -> Verdict:
        if self.unbroken(span_ns)[1] or other.unbroken(span_ns)[1]:
            return Verdict(FAILED)
        pairs = []
        for row in self.during(span_ns):
            held = [each for each in other.rows if each.time_ns < row.time_ns]
            pairs += [(row.value, held[-1].value)] if held else []
        if not self.during(span_ns) and not other.during(span_ns):
            return Verdict(BLOCKED)
        if len(pairs) < 3:
            return Verdict(FAILED)
        a, b = np.array(pairs).T
        if not np.ptp(a) or not np.ptp(b):
            return Verdict(FAILED)
        margin = float(np.corrcoef(a, b)[0, 1]) - least
        return Verdict(PASSED if margin >= 0 else FAILED, margin)

    def agrees(self, sigma: float, noise: float, span_ns: int) -> Verdict:
        rows, broken = self.unbroken(span_ns)
        if broken or len(rows) < 20:
            return Verdict(FAILED if rows or broken else BLOCKED)
        runs = np.convolve([row.value for row in rows], np.full(10, 0.1), "valid")
        margin = sigma * noise - float(np.abs(runs).max())
        return Verdict(PASSED if margin >= 0 else FAILED, margin)

    def always_below(self, limit: float, from_ns: int, to_ns: int) -> Verdict:
        """The formula always[from:to](signal < limit), judged from the first good value on."""
        return self._formula(from_ns, to_ns, lambda values: limit - float(values.max()))

    def once_above(self, limit: float, from_ns: int, to_ns: int) -> Verdict:
        """The formula eventually[from:to](signal > limit)."""
        return self._formula(from_ns, to_ns, lambda values: float(values.max()) - limit)

    def _formula(self, from_ns: int, to_ns: int, robustness) -> Verdict:
        rows, broken = self.unbroken(to_ns)  # what comes first is good, or breaks it
        if not rows:
            return Verdict(FAILED if broken else BLOCKED)
        begun_ns = rows[0].time_ns
        whole, broken = Watched(begun_ns, self.rows).unbroken(to_ns)
        if broken:
            return Verdict(FAILED)
        times = [row.time_ns - begun_ns for row in whole]
        first = max(number for number, time in enumerate(times) if time <= from_ns)
        margin = robustness(np.array([row.value for row in whole[first:]]))
        return Verdict(PASSED if margin >= 0 else FAILED, margin)
