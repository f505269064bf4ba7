"""A chamber with a load in it: two nodes that exchange heat, with a heater, a fan and a vent."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import ClassVar, cast

from testbed.plants.heat import HeatInputs, HeatParameters, heat_rates

from .base import Components, Variable
from .ode import OdeModel, known

_UNITS = {
    "air_capacity": "J/K", "load_capacity": "J/K", "heater_power": "W", "wall_conductance": "W/K",
    "still_convection": "W/K", "forced_convection": "W/K", "vent_conductance": "W/K", "ambient": "degC",
}  # fmt: skip
_LEAST = {"air_capacity": 1e-6, "load_capacity": 1e-6, "ambient": -273.15}

_MAY_DIFFER = {"ambient": 10.0}

_NAMES = tuple(field.name for field in fields(HeatParameters))


class ThermalModel(OdeModel):
    """Lumped capacities; where the physics comes from is said in testbed/plants/heat.py."""

    STATES: ClassVar = (
        Variable("air", "degC", "of air and inner walls", noise=0.015),
        Variable("load", "degC", "of what stands in it", noise=0.01),
    )
    INPUTS: ClassVar = (
        Variable("heater_duty", "%", "of the heater", low=0.0, high=100.0),
        Variable("fan_speed", "rpm", "of the fan", low=0.0),
        Variable("vent_position", "%", "of the vent", low=0.0, high=100.0),
    )
    OUTPUTS: ClassVar = (
        Variable("air", "degC", "of air and inner walls", noise=0.05),
        Variable("load", "degC", "of what stands in it", noise=0.05),
    )
    PARAMETERS: ClassVar = tuple(
        Variable(
            field.name,
            _UNITS[field.name],
            "",
            cast(float, field.default),
            _LEAST.get(field.name, 0.0),
            noise=_MAY_DIFFER.get(field.name, 0.0),
        )
        for field in fields(HeatParameters)
    )
    LONGEST_STEP = 0.5
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return K/s of both nodes."""
        # HeatParameters checks itself, which arrays of cases cannot pass.
        values = cast(HeatParameters, SimpleNamespace(**dict(zip(_NAMES, parameters, strict=True))))
        return heat_rates(state[0], state[1], HeatInputs(*inputs), values)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return both temperatures."""
        return state

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return what is measured; a node without a sensor is as warm as the other, else as the room."""
        air, load = outputs
        room = self.parameters[-1]
        return known(air, known(load, room)), known(load, known(air, room))
