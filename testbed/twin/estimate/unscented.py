"""An unscented Kalman filter: the state goes through the model as a set of points, without slopes.

For models that bend much within what one is unsure of, such as a tank that is nearly empty, where a slope at
one point says little. Each step costs two steps of the model a state more than with slopes. Points and
weights are van der Merwe's (Simon, "Optimal State Estimation", section 14.3, scaled).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Components

from .followed import Followed
from .kalman import ExtendedKalman, Innovation

_ALPHA, _BETA = 0.5, 2.0  # how far out the points are; 2 is best for what is normally distributed

Points = NDArray[np.float64]
"""(2n + 1, n): the state first, then n on its one side, then n on its other."""


class UnscentedKalman(ExtendedKalman):
    """Follows one device; everything else is as of the extended filter."""

    def __init__(self, followed: Followed) -> None:
        super().__init__(followed)
        n = followed.count
        self._reach = _ALPHA**2 * n  # lambda + n, with kappa 0
        self._means = np.full(2 * n + 1, 0.5 / self._reach)
        self._means[0] = 1.0 - n / self._reach
        self._spreads = self._means.copy()
        self._spreads[0] += 1.0 - _ALPHA**2 + _BETA

    def predict(self, seconds: float, inputs: Components) -> None:
        """Let the model go on under inputs that stay as they are; one grows less sure with time."""
        if seconds <= 0:
            return
        step = self.followed.step
        moved = np.array([step(tuple(point), inputs, seconds)[0] for point in self._points().tolist()])
        mean = self._means @ moved
        apart = moved - mean
        self.state = tuple(mean.tolist())
        self.covariance = (apart.T * self._spreads) @ apart + self.followed.wander * seconds

    def expect(self, sensor: int, inputs: Components) -> tuple[float, float]:
        """Return what a sensor would say now, and the standard deviation of that."""
        predicted, variance, _ = self._said(sensor, inputs)
        return predicted, math.sqrt(variance)

    def correct(self, sensor: int, measured: float, inputs: Components, gate: float = math.inf) -> Innovation:
        """Take what a sensor says; not if it is more than `gate` standard deviations off."""
        predicted, variance, reach = self._said(sensor, inputs)
        residual, sigma = measured - predicted, math.sqrt(variance)
        if abs(residual) > gate * sigma:
            return Innovation(predicted, residual, sigma, taken=False)
        gain = reach / variance
        self.state = tuple(x + k * residual for x, k in zip(self.state, gain.tolist(), strict=True))
        self.covariance = self.covariance - np.outer(gain, gain) * variance
        return Innovation(predicted, residual, sigma)

    def _said(self, sensor: int, inputs: Components) -> tuple[float, float, Points]:
        """Return what is expected of a sensor, the variance of that, and how the state goes with it: (n,)."""
        points = self._points()
        said = np.array([self.followed.expect(sensor, tuple(each), inputs)[0] for each in points.tolist()])
        mean = float(self._means @ said)
        apart = (said - mean) * self._spreads
        variance = float(apart @ (said - mean)) + self.followed.noises[sensor] ** 2
        return mean, variance, apart @ (points - self._means @ points)

    def _points(self) -> Points:
        # By eigenvectors: rounding may leave a covariance a little less than positive, where Cholesky fails.
        values, vectors = np.linalg.eigh(self.covariance)
        apart = (vectors * np.sqrt(np.maximum(values, 0.0) * self._reach)).T
        state = np.array(self.state)
        return np.vstack((state, state + apart, state - apart))
