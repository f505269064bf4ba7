"""A tank that is filled by a pump and empties through a valve."""

from __future__ import annotations

from typing import ClassVar

from .base import Components, Variable
from .ode import OdeModel, known, positive

_GRAVITY = 9.80665  # m/s2, standard acceleration of free fall (CODATA)


class Tank(OdeModel):
    """One state, the level; what flows out follows Torricelli's law.

    area dh/dt = inflow - opening * outlet * sqrt(2 g h) (Seborg et al., "Process Dynamics and Control",
    section 2.4.5), with `outlet` the valve's effective area when it is fully open.
    """

    STATES: ClassVar = (Variable("level", "m", "of the liquid", low=0.0, noise=1e-3),)
    INPUTS: ClassVar = (
        Variable("inflow", "m**3/s", "of the pump", low=0.0),
        Variable("opening", "%", "of the valve", low=0.0, high=100.0),
    )
    OUTPUTS: ClassVar = (
        Variable("level", "m", "of the liquid", noise=2e-3),
        Variable("outflow", "m**3/s", "through the valve", noise=1e-5),
    )
    PARAMETERS: ClassVar = (
        Variable("area", "m**2", "of the tank", 0.05, low=1e-6),
        Variable("outlet", "m**2", "effective area of the open valve", 1e-4, low=0.0),
    )
    LONGEST_STEP = 0.5

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return how fast the level rises, m/s."""
        return ((inputs[0] - self._outflow(state, inputs, parameters)) / parameters[0],)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return level and outflow."""
        values = self.parameters if parameters is None else parameters
        return state[0], self._outflow(state, inputs, values)

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return the measured level, else an empty tank."""
        return (known(outputs[0], 0.0),)

    def _outflow(self, state: Components, inputs: Components, parameters: Components) -> float:
        flow: float = inputs[1] / 100 * parameters[1] * (2 * _GRAVITY * positive(state[0])) ** 0.5
        return flow
