"""How good forecasts were: each is compared with what happened, and with that nothing changes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from .course import Course

HORIZON = 10.0
"""How far ahead the forecasts look that are scored, s."""

_EVERY_NS = 5_000_000_000
_LATE_NS = 1_000_000_000  # a sample that comes so long after the time is none of that time
_WIDTH = 1.96  # standard deviations that hold 95 of 100


class _Asked(NamedTuple):
    due_ns: int
    sensor: int
    expected: float
    sigma: float
    before: float


class Scores:
    """The forecasts of one twin, in the units of its model."""

    def __init__(self) -> None:
        self.count = 0
        self._off = self._moved = self._within = 0.0
        self._asked_ns = 0
        self._asked: deque[_Asked] = deque()

    def due(self, now_ns: int) -> bool:
        """Return whether it is time for another forecast."""
        return now_ns - self._asked_ns >= _EVERY_NS

    def ask(self, now_ns: int, course: Course, noises: Sequence[float], said: Sequence[float]) -> None:
        """Keep the end of a course until its time; `said` is what the sensors said last, NaN for nothing."""
        self._asked_ns = now_ns
        due_ns = now_ns + round(float(course.times[-1]) * 1e9)
        for sensor, before in enumerate(said):
            if not math.isnan(before):
                sigma = math.hypot(float(course.sigmas[-1, sensor]), noises[sensor])
                self._asked.append(_Asked(due_ns, sensor, float(course.values[-1, sensor]), sigma, before))

    def hear(self, now_ns: int, sensor: int, value: float) -> None:
        """Take what a sensor says, and score the forecasts of it that are due."""
        while self._asked and self._asked[0].due_ns + _LATE_NS < now_ns:
            self._asked.popleft()
        for each in [each for each in self._asked if each.sensor == sensor and each.due_ns <= now_ns]:
            self._asked.remove(each)
            off = (value - each.expected) / each.sigma
            self._off += off * off
            self._moved += ((value - each.before) / each.sigma) ** 2
            self._within += abs(off) <= _WIDTH
            self.count += 1

    @property
    def skill(self) -> float:
        """Return how much less forecasts err than persistence does: 1 is perfect, 0 no better, NaN not known.

        (Murphy, Monthly Weather Review 116, 1988; mean squares, each in units of what was expected.)
        """
        return 1.0 - self._off / self._moved if self._moved else math.nan

    @property
    def coverage(self) -> float:
        """Return the share of what happened that lay within the 95 % intervals; NaN while nothing has."""
        return self._within / self.count if self.count else math.nan
