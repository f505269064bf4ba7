"""Models that are ordinary differential equations: they say how fast each state changes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import Components, Linear, Variable, restore_numbers, save_numbers, working
from .differences import linearise, slopes

_ORDER = 4


class OdeModel(ABC):
    """A model by its rates, integrated by the classic Runge-Kutta method of order four.

    (Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.) `LONGEST_STEP` is
    the longest step in s that is accurate enough; a longer one is cut into equal parts.
    """

    STATES: ClassVar[tuple[Variable, ...]]
    INPUTS: ClassVar[tuple[Variable, ...]]
    OUTPUTS: ClassVar[tuple[Variable, ...]]
    PARAMETERS: ClassVar[tuple[Variable, ...]]
    LONGEST_STEP: ClassVar[float]
    AFFINE: ClassVar[bool] = False
    """Whether the rates are a straight line in the state while inputs and parameters stay."""

    def __init__(self, parameters: Mapping[str, float]) -> None:
        """Take parameters by name, nominal where none is given; raises ValueError for one out of bounds."""
        self.parameters = working(self.PARAMETERS, parameters)

    @abstractmethod
    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return how fast each state changes, in its unit per second.

        Written with operators alone, so that numbers and arrays both do.
        """

    @abstractmethod
    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what would be measured."""

    @abstractmethod
    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return a state that fits what is measured first; NaN stands for what is not measured."""

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Return the state `seconds` later, under inputs that stay as they are."""
        values = self.parameters if parameters is None else parameters
        count = max(1, math.ceil(seconds / self.LONGEST_STEP - 1e-9))
        for _ in range(count):
            state = self._advance(state, inputs, values, seconds / count)
        return state

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""
        return linearise(self, state, inputs, seconds, parameters)

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return how a step of `seconds` follows small changes of the state, (n, n): `a` of `linearise`."""
        return self._exponential(state, inputs, seconds, parameters)[:-1, :-1]

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return `step` and `transition` at once; of one case, not of arrays.

        Where the rates are affine in the state, both come from one matrix exponential, however long the step.
        """
        if not self.AFFINE:
            return (
                self.step(state, inputs, seconds, parameters),
                self.transition(state, inputs, seconds, parameters),
            )
        whole = self._exponential(state, inputs, seconds, parameters)
        moved = whole[:-1, -1].tolist()
        return tuple(x + dx for x, dx in zip(state, moved, strict=True)), whole[:-1, :-1]

    def _exponential(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None
    ) -> NDArray[np.float64]:
        """Return the exponential of ((slopes, rates), (0, 0)) times `seconds`: (n + 1, n + 1).

        Its corner is the transition, its last column how far the state moves (Golub, Van Loan, "Matrix
        Computations", section 9.3). A series of as many terms as the integration is right to, of a part of
        the step that is short enough; squaring doubles it.
        """
        values = self.parameters if parameters is None else parameters
        count = len(state)
        halvings = max(0, math.ceil(math.log2(seconds / self.LONGEST_STEP))) if seconds > 0 else 0
        moved = np.zeros((count + 1, count + 1))
        moved[:count, :count] = slopes(lambda x: self.rates(x, inputs, values), state, count)
        moved[:count, count] = self.rates(state, inputs, values)
        moved *= seconds / 2**halvings
        total = np.eye(count + 1)
        term = total
        for order in range(1, _ORDER + 1):
            term = moved @ term / order
            total = total + term
        for _ in range(halvings):
            total = total @ total
        return total

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept."""
        return save_numbers(state)

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of this model."""
        return restore_numbers(saved, len(self.STATES))

    def _advance(self, state: Components, inputs: Components, values: Components, dt: float) -> Components:
        rates = self.rates
        first = rates(state, inputs, values)
        second = rates(_moved(state, first, dt / 2), inputs, values)
        third = rates(_moved(state, second, dt / 2), inputs, values)
        fourth = rates(_moved(state, third, dt), inputs, values)
        sixth = dt / 6
        return tuple(
            x + sixth * (a + 2 * (b + c) + d)
            for x, a, b, c, d in zip(state, first, second, third, fourth, strict=True)
        )


def positive(value: float) -> float:
    """Return a number, or the numbers of an array, with 0 for those below."""
    return (value + abs(value)) / 2


def known(value: float, otherwise: float) -> float:
    """Return what is measured, `otherwise` if it is not."""
    return otherwise if math.isnan(value) else value


def _moved(state: Components, rates: Components, seconds: float) -> Components:
    return tuple(x + seconds * rate for x, rate in zip(state, rates, strict=True))
