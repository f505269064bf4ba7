"""A PID controller that never asks for what its actuator cannot do."""

from __future__ import annotations

import math

from testbed.bench import PidSpec
from testbed.signals import Signal


class Pid:
    """Parallel form, derivative on the measurement, within the actuator's limits and slew.

    Anti-windup by conditional integration: the integral grows only while that does not push the output
    further beyond what the actuator can follow (Astrom and Hagglund, Advanced PID Control, section 3.5).
    """

    def __init__(self, spec: PidSpec, actuator: Signal) -> None:
        self._spec = spec
        self._low, self._high = actuator.limits or (-math.inf, math.inf)
        self._slew = math.inf if actuator.slew is None else actuator.slew
        self._integral = 0.0
        self._measured = math.nan
        self._output = math.nan

    def reset(self, output: float = math.nan) -> None:
        """Forget the past; the next output starts from `output` (the actuator's present value)."""
        self._integral = 0.0
        self._measured = math.nan
        self._output = output

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        spec = self._spec
        error = setpoint - measured
        wanted = spec.bias + spec.kp * error + self._integral
        if spec.kd and dt > 0 and not math.isnan(self._measured):
            wanted -= spec.kd * (measured - self._measured) / dt
        grown = spec.ki * error * dt
        output = self._feasible(wanted + grown, dt)
        beyond = wanted + grown - output
        if beyond * grown <= 0:  # not saturated, or the integral leads back from the limit
            self._integral += grown
        self._measured = measured
        self._output = output
        return output

    def _feasible(self, wanted: float, dt: float) -> float:
        low, high = self._low, self._high
        if not math.isnan(self._output):
            reach = self._slew * dt
            low, high = max(low, self._output - reach), min(high, self._output + reach)
        return min(max(wanted, low), high)
