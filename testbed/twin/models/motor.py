"""A DC motor with permanent magnets that turns a load."""

from __future__ import annotations

from typing import ClassVar

from .base import Components, Variable
from .ode import OdeModel, known


class DcMotor(OdeModel):
    """Armature and rotor, two states.

    L di/dt = v - R i - k w,  J dw/dt = k i - b w - load (Franklin, Powell, Emami-Naeini, "Feedback Control
    of Dynamic Systems", section 2.3.2).
    """

    STATES: ClassVar = (
        Variable("current", "A", "through the armature", noise=0.01),
        Variable("speed", "rad/s", "of the rotor", noise=0.1),
    )
    INPUTS: ClassVar = (
        Variable("voltage", "V", "at the terminals"),
        Variable("load", "N*m", "torque that the load takes"),
    )
    OUTPUTS: ClassVar = (
        Variable("speed", "rad/s", "of the rotor", noise=0.1),
        Variable("current", "A", "through the armature", noise=0.01),
    )
    PARAMETERS: ClassVar = (
        Variable("resistance", "ohm", "of the armature", 1.0, low=1e-6),
        Variable("inductance", "H", "of the armature", 5e-3, low=1e-6),
        Variable("constant", "N*m/A", "of torque, and in V s of the voltage that speed induces", 0.05, low=0),
        Variable("inertia", "kg*m**2", "of rotor and load", 1e-4, low=1e-9),
        Variable("friction", "N*m*s", "of the bearings", 1e-4, low=0),
    )
    LONGEST_STEP = 2e-3
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return A/s and rad/s2."""
        current, speed = state
        resistance, inductance, constant, inertia, friction = parameters
        return (
            (inputs[0] - resistance * current - constant * speed) / inductance,
            (constant * current - friction * speed - inputs[1]) / inertia,
        )

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return speed and current."""
        return state[1], state[0]

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return what is measured, at rest where nothing is."""
        return known(outputs[1], 0.0), known(outputs[0], 0.0)
