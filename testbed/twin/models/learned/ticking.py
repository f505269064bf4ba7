"""Models in discrete time: their state moves once a period, however long the steps are that one asks for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ..base import Components, Linear, Variable, restore_numbers, save_numbers
from ..differences import difference, linearise, slopes

AGE = Variable("age", "s", "since it moved last", carried=0.0)

_ROUNDING = 1e-9  # of a period


class Ticking(ABC):
    """A model whose last state is the time since it moved last; when it moves, the inputs of then count."""

    STATES: tuple[Variable, ...]
    INPUTS: tuple[Variable, ...]
    OUTPUTS: tuple[Variable, ...]
    PARAMETERS: tuple[Variable, ...]
    parameters: tuple[float, ...]
    period: float
    """s."""

    @abstractmethod
    def tick(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return all states but the last, a period later."""

    @abstractmethod
    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return a state that fits what is measured first; NaN stands for what is not measured."""

    @abstractmethod
    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what would be measured."""

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Return the state `seconds` later, under inputs that stay as they are."""
        values = self.parameters if parameters is None else parameters
        if math.isinf(self.period):
            return state
        *moved, age = state
        past = age + seconds
        ticks = np.floor(past / self.period + _ROUNDING)
        for number in range(int(np.max(ticks))):
            later = self.tick(tuple(moved), inputs, values)
            moved = [
                new if np.all(ticks > number) else np.where(ticks > number, new, old)
                for new, old in zip(later, moved, strict=True)
            ]
        age = np.maximum(past - ticks * self.period, 0.0)
        return (*moved, age if np.ndim(age) else float(age))

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""
        found = linearise(self, state, inputs, seconds, parameters)
        found.a[-1] = found.a[:, -1] = found.b[-1] = found.c[:, -1] = 0.0
        found.a[-1, -1] = self._even(seconds)
        return found

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return `a` of the linear form alone, (n, n)."""
        slope = slopes(
            lambda x: self.step(x, inputs, seconds, parameters), state, len(state), {len(state) - 1},
            difference(self),
        )  # fmt: skip
        slope[-1] = 0.0
        slope[-1, -1] = self._even(seconds)
        return slope

    def _even(self, seconds: float) -> float:
        """Return the slope of the age over a step: 1 over whole periods, after which it is what it was."""
        periods = seconds / self.period
        return 1.0 if abs(periods - round(periods)) < _ROUNDING * max(1.0, periods) else 0.0

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return `step` and `transition` at once."""
        slope = self.transition(state, inputs, seconds, parameters)
        return self.step(state, inputs, seconds, parameters), slope

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept."""
        return save_numbers(state)

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of this model."""
        return restore_numbers(saved, len(self.STATES))
