"""What is left over by another model, as a Gaussian process of what it may depend on.

Rasmussen, Williams, "Gaussian Processes for Machine Learning", algorithm 2.1, with a squared exponential
kernel that has a length for each input. scikit-learn finds its lengths; to go by them takes numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import DamagedInput, MissingPart

from ..base import Components, Linear, Variable, restore_numbers, save_numbers, working
from ..differences import linearise
from .files import read, told_of, variables, write

_MOST = 300  # points that are kept: each look costs as many products
_KEYS = ("output", "inputs", "centre", "spread", "lengths", "strength", "noise", "points", "values", "lasts")

Floats = NDArray[np.float64]


class GaussianProcess:
    """A residual, and how sure it is of that: its second output, one standard deviation.

    How far the residual is off has a state of its own, so that a filter may correct it, and that the twin is
    as unsure as the process is on average of the points that it has learned from; it is forgotten within
    about `lasts` s.
    """

    PARAMETERS = (Variable("weight", "", "of the residual", nominal=1.0, low=0.0, noise=0.3),)

    def __init__(self, parameters: Mapping[str, float], file: Path) -> None:
        """Read what `save_to` wrote; raises UsageError for a missing file, DamagedInput for what is none."""
        told = read(file, "gaussian-process", _KEYS)
        try:
            numbers = {key: np.array(told[key], dtype=float) for key in _KEYS[2:]}
            above = ("spread", "lengths", "strength", "noise", "lasts")
            if not all(np.isfinite(each).all() for each in numbers.values()) or not all(
                (numbers[key] > 0).all() for key in above
            ):
                raise ValueError
            (output,) = variables([told["output"]], file)
            self._make(output, variables(told["inputs"], file), numbers)
        except (TypeError, ValueError, np.linalg.LinAlgError):
            raise DamagedInput(f"{file.name} holds numbers that cannot be", "save it again") from None
        self.parameters = working(self.PARAMETERS, parameters)

    @classmethod
    def fit(
        cls, output: Variable, inputs: Sequence[Variable], given: Sequence[Sequence[float]],
        residuals: Sequence[float], *, lasts: float = 10.0,
    ) -> GaussianProcess:  # fmt: skip
        """Learn from residuals and the inputs at each, evenly thinned to 300 points.

        Raises ValueError for too few, MissingPart without scikit-learn.
        """
        every = max(1, math.ceil(len(residuals) / _MOST))
        points, values = np.array(given, dtype=float)[::every], np.array(residuals, dtype=float)[::every]
        if len(values) < 3 or points.shape != (len(values), len(inputs)):
            raise ValueError(f"{len(values)} points of {len(inputs)} inputs cannot be learned from")
        centre, spread = points.mean(axis=0), points.std(axis=0)
        spread[spread == 0] = 1.0
        found = _fitted((points - centre) / spread, values)
        made = cls.__new__(cls)
        scales = {"centre": centre, "spread": spread, "lasts": lasts}
        told = {**scales, "points": points, "values": values, **found}
        made._make(output, tuple(inputs), {key: np.array(each, dtype=float) for key, each in told.items()})
        made.parameters = working(made.PARAMETERS, {})
        return made

    def _make(self, output: Variable, inputs: tuple[Variable, ...], told: Mapping[str, Floats]) -> None:
        self._told = told
        self._at = (told["points"] - told["centre"]) / told["spread"]
        if self._at.shape != (len(told["values"]), len(inputs)) or told["lengths"].shape != (len(inputs),):
            raise ValueError
        kernel = self._kernel(self._at) + float(told["noise"]) ** 2 * np.eye(len(self._at))
        self._inverse = np.linalg.inv(kernel)
        self._weights = self._inverse @ told["values"]
        _, sigma = self.told(told["points"])
        off = math.sqrt(float(np.mean(sigma**2)))
        self.lasts = float(told["lasts"])
        self.sigma = off
        self.INPUTS = inputs
        self.OUTPUTS = (
            Variable(output.name, output.unit, output.what, noise=float(told["noise"])),
            Variable(f"{output.name}_sigma", output.unit, "one standard deviation", noise=off),
        )
        wander = off * math.sqrt(2 / self.lasts)
        self.STATES = (Variable("off", output.unit, "by what nobody has learned", noise=wander),)

    def save_to(self, file: Path) -> None:
        """Write the model to a file that a bench file can name."""
        told = {key: np.asarray(value).tolist() for key, value in self._told.items()}
        about = {"output": told_of(self.OUTPUTS)[0], "inputs": told_of(self.INPUTS)}
        write(file, "gaussian-process", {**about, **told})

    def told(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the residual at points (cases, inputs), and one standard deviation of it, both (cases,)."""
        near = self._kernel((points - self._told["centre"]) / self._told["spread"])
        mean: Floats = near @ self._weights
        known = np.einsum("ij,jk,ik->i", near, self._inverse, near)
        return mean, np.sqrt(np.maximum(float(self._told["strength"]) - known, 0.0))

    def _kernel(self, at: Floats) -> Floats:
        apart = (at[:, None, :] - self._at[None, :, :]) / self._told["lengths"]
        kernel: Floats = float(self._told["strength"]) * np.exp(-0.5 * np.sum(apart**2, axis=2))
        return kernel

    # The interface ------------------------------------------------------------------------------

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Begin as if what was learned were right, or off by what is measured."""
        return (0.0 if math.isnan(outputs[0]) else outputs[0] - self.output((0.0,), inputs)[0],)

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Forget some of how far it was off."""
        return (state[0] * math.exp(-seconds / self.lasts),)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return the residual, and how sure that is."""
        weight = (self.parameters if parameters is None else parameters)[0]
        shape = np.broadcast_shapes(*(np.shape(each) for each in (*inputs, state[0])))
        points = np.stack([np.broadcast_to(each, shape).ravel() for each in inputs], axis=1)
        mean, sigma = (each.reshape(shape)[()] for each in self.told(points.astype(float)))
        return (state[0] + weight * mean, weight * sigma)

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""
        return linearise(self, state, inputs, seconds, parameters)

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Floats:
        """Return `a` of the linear form alone, (1, 1)."""
        return np.array([[math.exp(-seconds / self.lasts)]])

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, Floats]:
        """Return `step` and `transition` at once."""
        return self.step(state, inputs, seconds, parameters), self.transition(state, inputs, seconds)

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept."""
        return save_numbers(state)

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of this model."""
        return restore_numbers(saved, len(self.STATES))


def _fitted(points: Floats, values: Floats) -> dict[str, Any]:
    """Return the likeliest strength, lengths and noise, of points of unit spread."""
    try:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    except ImportError as error:
        raise MissingPart(
            "a Gaussian process needs scikit-learn", "pip install 'hil-testbed[learn]'"
        ) from error
    size = float(np.mean(values**2)) or 1.0
    kernel = ConstantKernel(size, (1e-4 * size, 1e4 * size)) * RBF(np.ones(points.shape[1]), (1e-2, 1e3))
    kernel += WhiteKernel(0.1 * size, (1e-8 * size, 10 * size))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a length at its bound: an input that nothing depends on
        found = (
            GaussianProcessRegressor(kernel, normalize_y=False, random_state=0).fit(points, values).kernel_
        )
    return {
        "strength": found.k1.k1.constant_value,
        "lengths": np.atleast_1d(found.k1.k2.length_scale),
        "noise": math.sqrt(found.k2.noise_level),
    }
