"""Finds that a model no longer fits: a mean that has moved is seen long before any one sample is odd."""

from __future__ import annotations

from typing import NamedTuple

from testbed.twin.estimate import Innovation

_SLACK = 0.25  # standard deviations that the mean may be off; half of the least shift that is looked for
_LIMIT = 25.0  # by chance once in exp(2 slack limit) / (2 slack**2) samples: in 2 million
_MOST = 4.0  # of one sample: no outlier alone raises an alarm


class Alarm(NamedTuple):
    """Which sensor's mean has moved, since when, and which way: +1 it reads more than expected."""

    sensor: int
    since_ns: int
    way: int


class Cusum:
    """The cumulative sums of one sensor's innovations, both ways.

    (Page, Biometrika 41, 1954; Montgomery, "Statistical Quality Control", chapter 9.)
    """

    def __init__(self, sensor: int, resolution: float = 0.0) -> None:
        """Begin; `resolution` is the sensor's least step, in the output's unit: a mean may be off by half."""
        self._sensor = sensor
        self._dead = resolution / 2
        self._sums = [0.0, 0.0]
        self._since = [0, 0]

    def take(self, time_ns: int, innovation: Innovation) -> Alarm | None:
        """Take a sample's innovation; return an alarm when the sum has become too large."""
        beyond = max(0.0, abs(innovation.residual) - self._dead) / innovation.sigma
        for place, way in enumerate((1, -1)):
            off = beyond if innovation.residual * way > 0 else -beyond
            if self._sums[place] == 0.0:
                self._since[place] = time_ns
            self._sums[place] = max(0.0, self._sums[place] + min(off, _MOST) - _SLACK)
            if self._sums[place] > _LIMIT:
                return Alarm(self._sensor, self._since[place], way)
        return None

    def reset(self) -> None:
        """Begin anew."""
        self._sums = [0.0, 0.0]
