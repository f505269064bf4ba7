"""A setpoint on its way: ramps, steps and soaks, one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from testbed.bench import Leg


class Course:
    """Goes along its legs by the times of the samples that it is told of; the last value stays.

    While nobody asks (the loop rests), it waits. What is left of a step in time goes to the next leg.
    """

    def __init__(self, legs: Sequence[Leg], start: float | None) -> None:
        """Begin at `start`, None: at what is measured first."""
        self._legs = tuple(legs)
        self._from = math.nan if start is None else start
        self._begun = False
        self._done = 0.0
        self.leg = 0
        """Number of the leg that it is on; that of the last plus one at the end."""
        self.value = self._from

    @property
    def over(self) -> bool:
        """Whether all legs are gone."""
        return self.leg == len(self._legs)

    @property
    def now(self) -> Leg:
        """The leg that it is on; the last one at the end."""
        return self._legs[min(self.leg, len(self._legs) - 1)]

    def advance(self, measured: float, dt: float) -> float:
        """Return where it is `dt` seconds after it was asked last; the first time, where it begins."""
        if not self._begun:
            self._begun = True
            self._from = self.value = measured if math.isnan(self._from) else self._from
            return self.value
        while not self.over:
            leg = self._legs[self.leg]
            if leg.to is None and abs(measured - self._from) > leg.within:
                return self.value
            lasts = self._lasts(leg)
            if self._done + dt < lasts:
                self._done += dt
                self.value = self._on(leg, self._done / lasts)
                return self.value
            dt -= lasts - self._done
            self._from = self.value = self._on(leg, 1.0)
            self._done, self.leg = 0.0, self.leg + 1
        return self.value

    def _lasts(self, leg: Leg) -> float:
        if leg.seconds is not None:
            return leg.seconds
        assert leg.to is not None  # noqa: S101  (only a leg that goes somewhere has a rate)
        return abs(leg.to - self._from) / leg.rate

    def _on(self, leg: Leg, share: float) -> float:
        if leg.to is None:
            return self._from
        return leg.to if share == 1.0 else self._from + share * (leg.to - self._from)
