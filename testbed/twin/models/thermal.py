"""Predicts a chamber's air temperature with the two-node heat model, corrected by what is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import ClassVar

from testbed.plants.heat import HeatInputs, HeatParameters, heat_rates

_STEP = 0.05  # s
_AIR_GAIN = 0.8  # 1/s: a wrong air temperature is forgotten within about a second
_LOAD_GAIN = 0.2  # 1/s; the load is not measured here and follows more slowly


class ThermalModel:
    """A Luenberger observer on the two-node model: degC, %, rpm.

    The observer (Luenberger 1971, "An Introduction to Observers") adds to each node's rate a gain
    times what was measured less what was predicted. What the residual still shows is what the model
    does not know: its parameters are nominal, and the sensor lags.
    """

    INPUTS: ClassVar = tuple(field.name for field in fields(HeatInputs))
    PARAMETERS: ClassVar = tuple(field.name for field in fields(HeatParameters))

    def __init__(self, parameters: Mapping[str, float]) -> None:
        self._heat = HeatParameters(**parameters)
        self.parameters = asdict(self._heat)
        self._air = self._load = math.nan

    def step(self, seconds: float, inputs: Mapping[str, float]) -> float:
        """Return the predicted air temperature; NaN before the first measurement."""
        if math.isnan(self._air):
            return math.nan
        heat = HeatInputs(**inputs)
        count = max(1, math.ceil(seconds / _STEP))
        for _ in range(count):
            air_rate, load_rate = heat_rates(self._air, self._load, heat, self._heat)
            self._air += air_rate * seconds / count
            self._load += load_rate * seconds / count
        return self._air

    def correct(self, measured: float, seconds: float) -> None:
        """Draw both nodes towards a measured air temperature; the first one sets them."""
        if math.isnan(self._air):
            self._air = self._load = measured
            return
        error = measured - self._air
        self._air += error * -math.expm1(-_AIR_GAIN * seconds)
        self._load += error * -math.expm1(-_LOAD_GAIN * seconds)

    def state(self) -> dict[str, float]:
        """Return the temperatures of the two nodes, `air` and `load`, degC."""
        return {"air": self._air, "load": self._load}
