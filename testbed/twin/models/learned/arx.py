"""What is left over by another model, as a linear recurrence: ARX, with the past of itself and of inputs.

e[k] = a1 e[k-1] + ... + b1 u[k-1] + ... + offset (Ljung, "System Identification", section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.errors import DamagedInput

from ..base import Components, Variable, working
from .files import read, told_of, variables, write
from .ticking import AGE, Ticking

_LONGEST = 100  # periods back
_KEYS = ("period", "output", "inputs", "own", "past", "sigma", "coefficients")


def coefficient_names(own: int, inputs: Sequence[Variable], past: int) -> list[str]:
    """Return the names of coefficients in the order of their regressors."""
    return [
        *(f"a{back + 1}" for back in range(own)),
        *(f"{each.name}_{back + 1}" for each in inputs for back in range(past)),
        "offset",
    ]


class Arx(Ticking):
    """A residual that goes on from its own past and that of inputs; its coefficients are its parameters."""

    def __init__(self, parameters: Mapping[str, float], file: Path) -> None:
        """Read what `save_to` wrote; `parameters` are coefficients that differ.

        Raises UsageError for a missing file, DamagedInput for what is none, ValueError for coefficients.
        """
        told = read(file, "arx", _KEYS)
        try:
            period, sigma = float(told["period"]), float(told["sigma"])
            own, past = int(told["own"]), int(told["past"])
            usual = {str(name): float(value) for name, value in told["coefficients"].items()}
            if not (period > 0 and sigma > 0 and 0 < own <= _LONGEST and 0 < past <= _LONGEST):
                raise ValueError
        except (TypeError, ValueError, OverflowError, AttributeError):
            raise DamagedInput(f"{file.name} holds numbers that cannot be", "save it again") from None
        (output,) = variables([told["output"]], file)
        self._make(output, variables(told["inputs"], file), period, own, past, sigma, usual)
        self.parameters = working(self.PARAMETERS, parameters)

    @classmethod
    def of(
        cls, output: Variable, inputs: Sequence[Variable], period: float, own: int, past: int, sigma: float,
        coefficients: Mapping[str, float],
    ) -> Arx:  # fmt: skip
        """Return a model by its numbers: `sigma` is the standard deviation of what it leaves unforetold."""
        made = cls.__new__(cls)
        made._make(output, tuple(inputs), period, own, past, sigma, coefficients)
        made.parameters = working(made.PARAMETERS, {})
        return made

    def _make(
        self, output: Variable, inputs: tuple[Variable, ...], period: float, own: int, past: int,
        sigma: float, coefficients: Mapping[str, float],
    ) -> None:  # fmt: skip
        self.period, self.own, self.past, self.sigma = period, own, past, sigma
        wander = sigma / math.sqrt(period)
        self.OUTPUTS = (Variable(output.name, output.unit, output.what, noise=sigma),)
        self.INPUTS = inputs
        self.STATES = (
            Variable("now", output.unit, f"of {output.name}", noise=wander),
            *(Variable(f"before_{back}", output.unit, f"of {output.name}") for back in range(1, own)),
            *(Variable(f"{each.name}_{back}", each.unit) for each in inputs for back in range(1, past)),
            AGE,
        )
        names = coefficient_names(own, inputs, past)
        self.PARAMETERS = tuple(
            Variable(name, "", nominal=coefficients.get(name, 0.0), noise=0.1) for name in names
        )

    def save_to(self, file: Path) -> None:
        """Write the model to a file that a bench file can name."""
        told: dict[str, Any] = {
            "period": self.period, "own": self.own, "past": self.past, "sigma": self.sigma,
            "output": told_of(self.OUTPUTS)[0], "inputs": told_of(self.INPUTS),
            "coefficients": dict(zip((each.name for each in self.PARAMETERS), self.parameters, strict=True)),
        }  # fmt: skip
        write(file, "arx", told)

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return what is measured of the residual, else none, as if it had been so for long."""
        now = 0.0 if math.isnan(outputs[0]) else outputs[0]
        return (*(now,) * self.own, *(each for each in inputs for _ in range(1, self.past)), 0.0)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return the residual."""
        return (state[0],)

    def tick(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return the residual and the past a period later."""
        own, before = state[: self.own], self.past - 1
        pasts = [
            (value, *state[self.own + at * before : self.own + (at + 1) * before])
            for at, value in enumerate(inputs)
        ]
        regressors = (*own, *(each for past in pasts for each in past), 1.0)
        now = sum(value * factor for value, factor in zip(regressors, parameters, strict=True))
        return (now, *own[:-1], *(each for past in pasts for each in past[:-1]))
