"""A mass on a spring with a damper."""

from __future__ import annotations

from typing import ClassVar

from .base import Components, Variable
from .ode import OdeModel, known


class MassSpringDamper(OdeModel):
    """m a = force - stiffness x - damping v (Franklin, Powell, Emami-Naeini, section 2.1)."""

    STATES: ClassVar = (
        Variable("position", "m", "from rest", noise=1e-4),
        Variable("velocity", "m/s", "of the mass", noise=1e-3),
    )
    INPUTS: ClassVar = (Variable("force", "N", "on the mass"),)
    OUTPUTS: ClassVar = (
        Variable("position", "m", "from rest", noise=1e-3),
        Variable("velocity", "m/s", "of the mass", noise=1e-2),
    )
    PARAMETERS: ClassVar = (
        Variable("mass", "kg", "", 1.0, low=1e-9),
        Variable("stiffness", "N/m", "of the spring", 20.0, low=0.0),
        Variable("damping", "N*s/m", "of the damper", 0.5, low=0.0),
    )
    LONGEST_STEP = 0.02
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return m/s and m/s2."""
        position, velocity = state
        mass, stiffness, damping = parameters
        return velocity, (inputs[0] - stiffness * position - damping * velocity) / mass

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return position and velocity."""
        return state

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return what is measured, at rest where nothing is."""
        return known(outputs[0], 0.0), known(outputs[1], 0.0)
