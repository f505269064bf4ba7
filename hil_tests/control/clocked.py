"""The thermal model as other tools would export it: with a clock, and a meter of what the heater has used."""

from __future__ import annotations

from typing import ClassVar

from testbed.twin.models import Components, Variable
from testbed.twin.models.thermal import ThermalModel


class Clocked(ThermalModel):
    """Two states more that no controller can bring to rest."""

    STATES: ClassVar = (Variable("time", "s"), *ThermalModel.STATES, Variable("used", "J"))
    AFFINE = False

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        power = inputs[0] * 5.0
        return (1.0 + 0.0 * inputs[0], *super().rates(state[1:3], inputs, parameters), power)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        return state[1:3]

    def begin(self, outputs: Components, inputs: Components) -> Components:
        return (0.0, *super().begin(outputs, inputs), 0.0)
