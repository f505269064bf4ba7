"""A linear-quadratic regulator on the model of a twin."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_discrete_are

from testbed.twin.models import Linear

from .by_model import ByModel
from .rest_point import Target
from .through import Floats, Through

_LEAST = 1e-9  # of the cost of the output: what states cost that it does not see


class Lqr(ByModel):
    """Feeds the whole state back, so that errors and effort together cost least over all time to come.

    An error of `plan.error` costs as much as an effort of `plan.effort` (Bryson's rule). Around each target
    the model is taken to be linear; limits and slew cut off what comes out of that.
    """

    def design(self, through: Through, linear: Linear) -> None:
        """Solve for the gain."""
        column, row = linear.b[:, through.input], linear.c[through.output]
        _, self.gain = regulator(linear.a, column, row, *self.weights(through))

    def feedback(self, through: Through, off: Floats, target: Target, dt: float) -> float:
        """Return the feedback of a state."""
        return -float(self.gain @ off)


def regulator(a: Floats, b: Floats, c: Floats, error: float, effort: float) -> tuple[Floats, Floats]:
    """Return the cost to go (n, n) and the gain (n,) of one input b and one output c, both (n,).

    `error` and `effort` are what a unit of output and of input cost, squared. Raises LinAlgError where
    nothing keeps the state bounded.
    """
    column, count = b[:, None], len(a)
    cost = error * (np.outer(c, c) + _LEAST * np.eye(count))
    try:
        to_go = solve_discrete_are(a, column, cost, np.array([[effort]]))
    except ValueError as error:  # of numbers that are not finite
        raise np.linalg.LinAlgError from error
    gain = (b @ to_go @ a) / (effort + b @ to_go @ b)
    return to_go, gain
