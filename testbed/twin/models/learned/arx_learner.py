"""Finds the coefficients of an ARX model from residuals as they come, or from many at once.

Least squares with exponential forgetting, kept as the sums of its normal equations (Ljung, "System
Identification", section 11.2: the same estimates as the recursion for its gain, which would blow up while
nothing moves).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import MissingPart

from ..base import Variable
from .arx import Arx, coefficient_names

_RIDGE = 1e-9  # of the largest sum: holds at 0 what the data tell nothing of

Floats = NDArray[np.float64]


class ArxLearner:
    """Takes a residual and the inputs once a period. `forgetting` is what a sample is worth one later."""

    def __init__(
        self, output: Variable, inputs: Sequence[Variable], period: float, *, own: int = 2, past: int = 1,
        forgetting: float = 1.0,
    ) -> None:  # fmt: skip
        """Begin with nothing learned; raises ValueError for numbers that cannot be."""
        if not (period > 0 and own > 0 and past > 0 and 0 < forgetting <= 1):
            raise ValueError("period, own and past must be above 0, forgetting in (0, 1]")
        self._output, self._inputs, self._period = output, tuple(inputs), period
        self._own, self._past, self._forgetting = own, past, forgetting
        self._residuals: deque[float] = deque(maxlen=own)
        self._given = [deque[float](maxlen=past) for _ in inputs]
        count = own + past * len(self._inputs) + 1
        self._square, self._with = np.zeros((count, count)), np.zeros(count)
        self._own_square = self._weight = 0.0

    def add(self, residual: float, inputs: Sequence[float]) -> None:
        """Take a residual, and the inputs from then on; NaN is a gap: the past is gathered anew."""
        if math.isnan(residual) or any(map(math.isnan, inputs)):
            for each in (self._residuals, *self._given):
                each.clear()
            return
        if len(self._residuals) == self._own and all(len(each) == self._past for each in self._given):
            acted = (value for each in self._given for value in each)
            self._learn(np.array((*self._residuals, *acted, 1.0)), residual)
        self._residuals.appendleft(residual)
        for kept, value in zip(self._given, inputs, strict=True):
            kept.appendleft(value)

    def _learn(self, regressors: Floats, residual: float) -> None:
        keep = self._forgetting
        self._square = keep * self._square + np.outer(regressors, regressors)
        self._with = keep * self._with + regressors * residual
        self._own_square = keep * self._own_square + residual**2
        self._weight = keep * self._weight + 1

    def model(self, sparse: float | None = None) -> Arx:
        """Return the model that fits best what came so far.

        With `sparse`, coefficients less than so many standard deviations away from 0 are left out, the least
        sure first, and the rest fitted again. Raises ValueError while there are too few samples.
        """
        used = list(range(len(self._with)))
        if self._weight <= len(used):
            raise ValueError(f"{self._weight:.0f} samples are too few for {len(used)} coefficients")
        while True:
            values, sigma, spread = self._solve(used)
            sure = np.abs(values) / np.maximum(spread, 1e-300)
            if sparse is None or not used or sure.min() >= sparse:
                break
            used.pop(int(sure.argmin()))
            if not used:
                break
        found = dict.fromkeys(self._names, 0.0)
        found.update({self._names[at]: float(value) for at, value in zip(used, values, strict=False)})
        return self._model(found, sigma)

    def _solve(self, used: list[int]) -> tuple[Floats, float, Floats]:
        """Return coefficients, the standard deviation of what they leave, and that of each of them."""
        square, right = self._square[np.ix_(used, used)], self._with[used]
        square = square + _RIDGE * np.diag(np.maximum(square.diagonal(), 1e-300))
        inverse = np.linalg.inv(square)
        values: Floats = inverse @ right
        left = self._own_square - 2 * values @ right + values @ self._square[np.ix_(used, used)] @ values
        sigma = math.sqrt(max(float(left) / max(self._weight - len(used), 1.0), 1e-18))
        return values, sigma, sigma * np.sqrt(np.maximum(inverse.diagonal(), 0.0))

    @property
    def _names(self) -> list[str]:
        return coefficient_names(self._own, self._inputs, self._past)

    def _model(self, coefficients: dict[str, float], sigma: float) -> Arx:
        return Arx.of(self._output, self._inputs, self._period, self._own, self._past, sigma, coefficients)


def lasso(
    output: Variable, inputs: Sequence[Variable], period: float, residuals: Sequence[float],
    given: Sequence[Sequence[float]], *, own: int = 2, past: int = 1, alpha: float | None = None,
) -> Arx:  # fmt: skip
    """Return a sparse ARX model by the LASSO, from many samples at once; what it chooses is fitted again.

    `given` holds the inputs of each sample. `alpha` is the weight of its penalty on coefficients of
    regressors of unit variance; without, the Bayesian information criterion chooses it. Raises ValueError for
    too few samples, MissingPart without scikit-learn.
    """
    rows = np.array(list(_rows(residuals, given, own, past)))
    count = own + past * len(inputs) + 1
    if len(rows) <= 2 * count:
        raise ValueError(f"{len(rows)} samples are too few for {count} coefficients")
    regressors, right = rows[:, :-1], rows[:, -1]
    spread = regressors.std(axis=0)
    moving = np.flatnonzero(spread > 0)
    chosen = _lasso(alpha).fit(regressors[:, moving] / spread[moving], right - right.mean()).coef_
    used = [*moving[np.abs(chosen) > 1e-9 * np.abs(chosen).max()], count - 1]
    full = np.column_stack((regressors, np.ones(len(rows))))[:, used]
    values, *_ = np.linalg.lstsq(full, right, rcond=None)
    names = coefficient_names(own, inputs, past)
    sigma = float(np.std(right - full @ values)) or 1e-9
    found = {names[at]: float(value) for at, value in zip(used, values, strict=True)}
    return Arx.of(output, inputs, period, own, past, sigma, found)


def _rows(
    residuals: Sequence[float], given: Sequence[Sequence[float]], own: int, past: int
) -> Iterator[list[float]]:
    for now in range(max(own, past), len(residuals)):
        before = [residuals[now - back] for back in range(1, own + 1)]
        acted = [given[now - back][at] for at in range(len(given[0])) for back in range(1, past + 1)]
        row = [*before, *acted, residuals[now]]
        if not any(map(math.isnan, row)):
            yield row


def _lasso(alpha: float | None) -> Any:
    try:
        from sklearn.linear_model import Lasso, LassoLarsIC
    except ImportError as error:
        raise MissingPart("the LASSO needs scikit-learn", "pip install 'hil-testbed[learn]'") from error
    return LassoLarsIC(criterion="bic") if alpha is None else Lasso(alpha)
