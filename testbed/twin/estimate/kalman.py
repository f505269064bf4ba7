"""An extended Kalman filter over a model (Simon, "Optimal State Estimation", section 13.2.3).

It takes measurements one sensor at a time, which gives the same as taking them together, needs no matrix
inverted, and lets sensors come at rates of their own (the same book, section 6.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Components

from .followed import Followed

_UNKNOWN = 10.0  # times the sensor's noise: how unsure one is of the state after the first measurement


class Innovation(NamedTuple):
    """What a measurement said that was not predicted."""

    predicted: float
    residual: float
    """Measured less predicted, in the output's unit."""
    sigma: float
    """Standard deviation that the residual is expected to have."""
    taken: bool = True
    """Whether the state was drawn towards it; an outlier's is not."""

    @property
    def nis(self) -> float:
        """Squared residual in units of what is expected of it: 1 on average if the model is right."""
        return (self.residual / self.sigma) ** 2


class ExtendedKalman:
    """Follows one device. Times are differences in s, numbers in the units of the model's variables."""

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self.state: Components = ()
        self.covariance: NDArray[np.float64] = np.zeros((0, 0))
        self._eye = np.eye(followed.count)

    @property
    def begun(self) -> bool:
        """Whether there is a state."""
        return bool(self.state)

    def begin(self, measured: Sequence[float], inputs: Components) -> None:
        """Begin with what the sensors said first; NaN stands for those that have said nothing."""
        followed = self.followed
        self.state = followed.begin(measured, inputs)
        spread = _UNKNOWN * max(followed.noises)
        unsure = [spread] * (followed.count - len(followed.free)) + [each.spread for each in followed.free]
        for place in followed.carried:
            unsure[place] = 0.0
        self.covariance = np.diag(np.square(unsure))

    def predict(self, seconds: float, inputs: Components) -> None:
        """Let the model go on under inputs that stay as they are; one grows less sure with time."""
        if seconds <= 0:
            return
        self.state, slope = self.followed.step(self.state, inputs, seconds)
        self.covariance = slope @ self.covariance @ slope.T + self.followed.wander * seconds
        self._predicted(slope, seconds)

    def expect(self, sensor: int, inputs: Components) -> tuple[float, float]:
        """Return what a sensor would say now, and the standard deviation of that."""
        predicted, row = self.followed.expect(sensor, self.state, inputs)
        variance = float(row @ self.covariance @ row) + self.followed.noises[sensor] ** 2
        return predicted, math.sqrt(variance)

    def correct(self, sensor: int, measured: float, inputs: Components, gate: float = math.inf) -> Innovation:
        """Take what a sensor says; not if it is more than `gate` standard deviations off."""
        predicted, row = self.followed.expect(sensor, self.state, inputs)
        reach = self.covariance @ row
        noise = self.followed.noises[sensor] ** 2
        variance = float(row @ reach) + noise
        residual, sigma = measured - predicted, math.sqrt(variance)
        if abs(residual) > gate * sigma:
            innovation = Innovation(predicted, residual, sigma, taken=False)
            self._corrected(row, np.zeros(len(row)), innovation)
            return innovation
        gain = reach / variance
        self.state = tuple(x + k * residual for x, k in zip(self.state, gain.tolist(), strict=True))
        # Joseph's form keeps the covariance symmetric and positive whatever rounding does (section 5.3).
        kept = self._eye - np.outer(gain, row)
        self.covariance = kept @ self.covariance @ kept.T + np.outer(gain, gain) * noise
        innovation = Innovation(predicted, residual, sigma)
        self._corrected(row, gain, innovation)
        return innovation

    def _predicted(self, slope: NDArray[np.float64], seconds: float) -> None:
        """Hear how the state now follows the one `seconds` before, (n, n)."""

    def _corrected(self, row: NDArray[np.float64], gain: NDArray[np.float64], innovation: Innovation) -> None:
        """Hear how a sensor follows the state, and the state what the sensor said, (n,) each."""
