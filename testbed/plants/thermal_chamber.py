"""A thermal chamber: air and load, heater, fan-dependent convection, vent, humidity, ambient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import ClassVar

from testbed.bench.faults import Fault, Parameter, Place

from .heat import HeatInputs, HeatParameters, heat_rates

_STEP = 0.01  # s; a tenth of the fastest time constant (the fan's current)
_VOLUME = 0.010  # m3
_EVAPORATION = 8e-4  # m3/s: how fast the damp load feeds vapour to the air
_VENT_FLOW = 2e-3  # m3/s of room air when the vent is fully open
_ROOM_HUMIDITY = 45.0  # %
_FAN_TOP_SPEED = 3000.0  # rpm at full drive
_FRICTION = 0.1  # share of the motor's torque that a sound bearing takes
_FAN_LAG = 0.3  # s
_FAN_TOP_CURRENT = 0.8  # A at full drive and full speed
_VENT_STROKE = 5.0  # s from shut to open
_ALARM_ON, _ALARM_OFF = 85.0, 80.0  # degC


def saturated_vapour(celsius: float) -> float:
    """Return the vapour density of saturated air in g/m3 (Magnus formula, WMO-No. 8, annex 4.B)."""
    pressure = 611.2 * math.exp(17.62 * celsius / (243.12 + celsius))
    return 1000 * pressure / (461.5 * (celsius + 273.15))


class ThermalChamber:
    """Inputs and outputs in degC, %, rpm and A; booleans are 0 and 1.

    The heater works only while enabled, and a thermal cut-out takes it off while the alarm is on.
    """

    INPUTS: ClassVar = ("heater_enable", "heater_duty", "fan_duty", "vent_opening", "door_open")
    OUTPUTS: ClassVar = (
        "air_temperature", "load_temperature", "over_temperature", "door_open", "fan_speed",
        "fan_current", "humidity", "vent_position", "battery",
    )  # fmt: skip
    PARAMETERS: ClassVar = tuple(field.name for field in fields(HeatParameters))
    FAULTS: ClassVar = {
        "heater_weak": Fault(
            "the heater has lost some of its power", True,
            {"share": Parameter("how much of it", "", usual=0.2)}, Place.PLANT,
        ),
        "bearing_worn": Fault(
            "the fan's bearing has more friction, so it turns slower and draws more", True,
            {"times": Parameter("how many times the friction", "", usual=2.0)}, Place.PLANT,
        ),
        "ambient_step": Fault(
            "the room is warmer", True, {"by": Parameter("how much", "K", usual=10.0)}, Place.PLANT
        ),
    }  # fmt: skip

    def __init__(self, parameters: Mapping[str, float]) -> None:
        self._heat = HeatParameters(**parameters)
        self.parameters = asdict(self._heat)
        room = self._heat.ambient
        self._inputs = dict.fromkeys(self.INPUTS, 0.0)
        self._state = {
            "air_temperature": room,
            "load_temperature": room,
            "over_temperature": 0.0,
            "door_open": 0.0,
            "fan_speed": 0.0,
            "fan_current": 0.0,
            "humidity": _ROOM_HUMIDITY,
            "vent_position": 0.0,
            "battery": 97.0,
        }
        self._friction = 1.0
        self._vapour = saturated_vapour(room) * _ROOM_HUMIDITY / 100

    def set(self, name: str, value: float) -> None:
        """Set an input; raises KeyError for a name that is none."""
        if name not in self._inputs:
            raise KeyError(name)
        self._inputs[name] = value

    def output(self, name: str) -> float:
        """Return an output."""
        return self._state[name]

    def break_(self, fault: str, told: Mapping[str, float | str]) -> None:
        """Begin one of FAULTS; several may be on."""
        match fault:
            case "heater_weak":
                power = self.parameters["heater_power"] * (1 - float(told["share"]))
                self._heat = replace(self._heat, heater_power=power)
            case "ambient_step":
                ambient = self.parameters["ambient"] + float(told["by"])
                self._heat = replace(self._heat, ambient=ambient)
            case _:
                self._friction = float(told["times"])

    def mend(self, fault: str) -> None:
        """End one of FAULTS."""
        match fault:
            case "heater_weak":
                self._heat = replace(self._heat, heater_power=self.parameters["heater_power"])
            case "ambient_step":
                self._heat = replace(self._heat, ambient=self.parameters["ambient"])
            case _:
                self._friction = 1.0

    def step(self, seconds: float) -> None:
        """Advance by `seconds`, in explicit Euler steps of at most 10 ms."""
        count = max(1, math.ceil(seconds / _STEP))
        for _ in range(count):
            self._advance(seconds / count)

    def _advance(self, dt: float) -> None:
        state, inputs = self._state, self._inputs
        self._move_actuators(dt)
        powered = inputs["heater_enable"] and not state["over_temperature"]
        heat = HeatInputs(
            heater_duty=inputs["heater_duty"] if powered else 0.0,
            fan_speed=state["fan_speed"],
            vent_position=100.0 if inputs["door_open"] else state["vent_position"],
        )
        air_rate, load_rate = heat_rates(
            state["air_temperature"], state["load_temperature"], heat, self._heat
        )
        state["air_temperature"] += air_rate * dt
        state["load_temperature"] += load_rate * dt
        threshold = _ALARM_OFF if state["over_temperature"] else _ALARM_ON
        state["over_temperature"] = float(state["air_temperature"] > threshold)
        state["door_open"] = inputs["door_open"]
        self._move_vapour(dt, heat.vent_position)

    def _move_actuators(self, dt: float) -> None:
        state, inputs = self._state, self._inputs
        # Friction eats speed: a sound bearing takes a tenth of what the motor could give without one.
        top = _FAN_TOP_SPEED * (1 - _FRICTION * self._friction) / (1 - _FRICTION)
        wanted = max(top, 0.0) * inputs["fan_duty"] / 100
        state["fan_speed"] += (wanted - state["fan_speed"]) * dt / _FAN_LAG
        slip = max(0.0, wanted - state["fan_speed"]) / _FAN_TOP_SPEED  # accelerating draws more
        lost = 1 + _FRICTION * (self._friction - 1)
        state["fan_current"] = _FAN_TOP_CURRENT * ((inputs["fan_duty"] / 100) ** 2 * lost + slip)
        travel = inputs["vent_opening"] - state["vent_position"]
        reach = 100.0 / _VENT_STROKE * dt
        state["vent_position"] += min(max(travel, -reach), reach)

    def _move_vapour(self, dt: float, vent_position: float) -> None:
        state = self._state
        source = _EVAPORATION * max(0.0, saturated_vapour(state["load_temperature"]) - self._vapour)
        room = saturated_vapour(self._heat.ambient) * _ROOM_HUMIDITY / 100
        leak = _VENT_FLOW * vent_position / 100 * (self._vapour - room)
        self._vapour += (source - leak) / _VOLUME * dt
        saturated = saturated_vapour(state["air_temperature"])
        self._vapour = min(self._vapour, saturated)
        state["humidity"] = 100 * self._vapour / saturated
