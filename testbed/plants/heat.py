"""Heat between two lumped nodes: the air of a chamber and the load that stands in it.

Lumped-capacitance model (Incropera, Fundamentals of Heat and Mass Transfer, chapter 5): each node
has one temperature; heat flows through conductances. Forced convection between air and load grows
with air speed to the power 0.6 (the usual exponent for cross flow, same book, chapter 7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

_CONVECTION_EXPONENT = 0.6
_ABSOLUTE_ZERO = -273.15  # degC
_RATED_FAN_SPEED = 1500.0  # rpm at which `forced_convection` is given


@dataclass(frozen=True)
class HeatParameters:
    """A bench-top chamber of ten litres with a small load."""

    air_capacity: float = 45.0
    """Heat capacity of the air and the inner walls, J/K."""
    load_capacity: float = 40.0
    """Heat capacity of the load, J/K."""
    heater_power: float = 500.0
    """Heater at full duty, W."""
    wall_conductance: float = 0.8
    """Loss through the walls, W/K."""
    still_convection: float = 2.0
    """Air to load with the fan at rest, W/K."""
    forced_convection: float = 6.0
    """What the fan adds at 1500 rpm, W/K."""
    vent_conductance: float = 2.4
    """Loss through the vent when it is fully open, W/K: 2 l/s of air."""
    ambient: float = 22.0
    """Temperature of the room, degC."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no chamber can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            least = _ABSOLUTE_ZERO if field.name == "ambient" else 0.0
            if not (math.isfinite(value) and value >= least):
                raise ValueError(f"{field.name} must be a number from {least:g}, not {value:g}")
        for name in ("air_capacity", "load_capacity"):
            if not getattr(self, name):
                raise ValueError(f"{name} must be above 0: nothing heats up in no time")


@dataclass(frozen=True)
class HeatInputs:
    """Heater duty and vent position in %, fan speed in rpm."""

    heater_duty: float = 0.0
    fan_speed: float = 0.0
    vent_position: float = 0.0


def heat_rates(
    air: float, load: float, inputs: HeatInputs, parameters: HeatParameters
) -> tuple[float, float]:
    """Return how fast air and load warm up, K/s, at temperatures in degC."""
    p = parameters
    # Operators alone, so that arrays of cases do as well as numbers: half of x + |x| is x, or 0 below.
    speed = (inputs.fan_speed + abs(inputs.fan_speed)) / 2
    forced = p.forced_convection * (speed / _RATED_FAN_SPEED) ** _CONVECTION_EXPONENT
    to_load = (p.still_convection + forced) * (air - load)
    to_room = (p.wall_conductance + p.vent_conductance * inputs.vent_position / 100) * (air - p.ambient)
    heating = p.heater_power * inputs.heater_duty / 100
    return (heating - to_load - to_room) / p.air_capacity, to_load / p.load_capacity
