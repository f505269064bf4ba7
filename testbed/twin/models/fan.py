"""A fan that is driven by the duty of its supply, with a bearing that wears."""

from __future__ import annotations

from typing import ClassVar

from .base import Components, Variable
from .ode import OdeModel, known, positive

_FRICTION = 0.1  # share of the motor's torque that a sound bearing takes


class Fan(OdeModel):
    """Its speed follows the duty with one lag; friction takes speed, and current when it runs.

    A motor on a chopped supply with a load that grows with speed: near its working point a first-order lag
    (Franklin, Powell, Emami-Naeini, "Feedback Control of Dynamic Systems", section 2.3).
    """

    STATES: ClassVar = (Variable("speed", "rpm", "how fast it turns", noise=3.0),)
    INPUTS: ClassVar = (Variable("duty", "%", "of the supply", low=0, high=100),)
    OUTPUTS: ClassVar = (
        Variable("speed", "rpm", "how fast it turns", noise=3.0),
        Variable("current", "A", "what it draws", noise=0.005),
    )
    PARAMETERS: ClassVar = (
        Variable("top_speed", "rpm", "at full duty with a sound bearing", 3000.0, low=1.0),
        Variable("lag", "s", "time constant of the speed", 0.3, low=0.01),
        Variable("top_current", "A", "at full duty and full speed", 0.8, low=0.0),
        Variable("friction", "", "of the bearing, 1: it is sound", 1.0, low=0.2, high=8.0, noise=1.0),
    )
    LONGEST_STEP = 0.1
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return how fast the speed changes, rpm/s."""
        return ((self._wanted(inputs, parameters) - state[0]) / parameters[1],)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return speed in rpm and current in A; accelerating draws more."""
        values = self.parameters if parameters is None else parameters
        lost = 1 + _FRICTION * (values[3] - 1)
        slip = positive(self._wanted(inputs, values) - state[0]) / values[0]
        return state[0], values[2] * ((inputs[0] / 100) ** 2 * lost + slip)

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return the measured speed, else that which the duty leads to."""
        return (known(outputs[0], self._wanted(inputs, self.parameters)),)

    def _wanted(self, inputs: Components, parameters: Components) -> float:
        left = (1 - _FRICTION * parameters[3]) / (1 - _FRICTION)
        wanted: float = parameters[0] * left * inputs[0] / 100
        return wanted
