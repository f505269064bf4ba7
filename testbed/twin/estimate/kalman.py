"""An extended Kalman filter over a model (Simon, "Optimal State Estimation", section 13.2.3).

It takes measurements one output at a time, which gives the same as taking them together, needs no matrix
inverted, and lets sensors come at rates of their own (the same book, section 6.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Components, Model, slopes

_UNKNOWN = 10.0  # times the sensor's noise: how unsure one is of the state after the first measurement


class Innovation(NamedTuple):
    """What a measurement said that was not predicted."""

    predicted: float
    residual: float
    """Measured less predicted, in the output's unit."""
    sigma: float
    """Standard deviation that the residual is expected to have."""

    @property
    def nis(self) -> float:
        """Squared residual in units of what is expected of it: 1 on average if the model is right."""
        return (self.residual / self.sigma) ** 2


class ExtendedKalman:
    """Follows one device. Times are differences in s, numbers in the units of the model's variables."""

    def __init__(self, model: Model, noise: Sequence[float] | None = None) -> None:
        """`noise` is the standard deviation of each output's sensor; None: what the model calls usual."""
        self.model = model
        self._noise = tuple(output.noise for output in model.OUTPUTS) if noise is None else tuple(noise)
        self._wander = np.diag([state.noise**2 for state in model.STATES])
        self.state: Components = ()
        self.covariance: NDArray[np.float64] = np.zeros((0, 0))

    @property
    def begun(self) -> bool:
        """Whether there is a state."""
        return bool(self.state)

    def begin(self, outputs: Components, inputs: Components) -> None:
        """Begin with what is measured first; NaN stands for what is not measured."""
        self.state = self.model.begin(outputs, inputs)
        spread = _UNKNOWN * max(self._noise)
        self.covariance = np.eye(len(self.state)) * spread**2

    def predict(self, seconds: float, inputs: Components) -> None:
        """Let the model go on under inputs that stay as they are; one grows less sure with time."""
        if seconds <= 0:
            return
        model = self.model
        slope = model.transition(self.state, inputs, seconds)
        self.state = model.step(self.state, inputs, seconds)
        self.covariance = slope @ self.covariance @ slope.T + self._wander * seconds

    def expect(self, output: int, inputs: Components) -> tuple[float, float]:
        """Return what a sensor of an output would say now, and the standard deviation of that."""
        row = self._row(output, inputs)
        variance = float(row @ self.covariance @ row) + self._noise[output] ** 2
        return float(self.model.output(self.state, inputs)[output]), math.sqrt(variance)

    def correct(self, output: int, measured: float, inputs: Components) -> Innovation:
        """Take a measurement of one output."""
        row = self._row(output, inputs)
        reach = self.covariance @ row
        variance = float(row @ reach) + self._noise[output] ** 2
        predicted = float(self.model.output(self.state, inputs)[output])
        residual = measured - predicted
        gain = reach / variance
        self.state = tuple(x + float(k) * residual for x, k in zip(self.state, gain, strict=True))
        # Joseph's form keeps the covariance symmetric and positive whatever rounding does (section 5.3).
        kept = np.eye(len(gain)) - np.outer(gain, row)
        self.covariance = kept @ self.covariance @ kept.T + np.outer(gain, gain) * self._noise[output] ** 2
        return Innovation(predicted, residual, math.sqrt(variance))

    def _row(self, output: int, inputs: Components) -> NDArray[np.float64]:
        model = self.model
        row: NDArray[np.float64] = slopes(lambda x: (model.output(x, inputs)[output],), self.state, 1)[0]
        return row
