"""A PID controller that never asks for what its actuator cannot do."""

from __future__ import annotations

import math
from typing import NamedTuple

from testbed.bench import PidSpec
from testbed.signals import Signal


class Terms(NamedTuple):
    """What a controller reckoned in one cycle; NaN for what it did not.

    `setpoint` and `measured` are in the unit of the signal that is read, the rest in that of the output.
    `output` is what was commanded: bias + p + i + d, within what the actuator can follow.
    """

    setpoint: float
    measured: float
    output: float
    p: float
    i: float
    d: float


NO_TERMS = Terms(*[math.nan] * 6)
"""Nothing was reckoned."""


class Pid:
    """Parallel form, derivative on the measurement, within the actuator's limits and slew.

    Anti-windup by conditional integration: the integral grows only while that does not push the output
    further beyond what the actuator can follow (Astrom and Hagglund, Advanced PID Control, section 3.5).
    """

    def __init__(self, spec: PidSpec, actuator: Signal) -> None:
        self._spec = spec
        self._low, self._high = actuator.limits or (-math.inf, math.inf)
        self._slew = math.inf if actuator.slew is None else actuator.slew
        self._integral = self._before = 0.0
        self._measured = math.nan
        self._output = math.nan
        self.terms = NO_TERMS
        """How the last output came about."""

    def reset(self, output: float = math.nan) -> None:
        """Forget the past; the next output starts from `output` (the actuator's present value)."""
        self._integral = self._before = 0.0
        self._measured = math.nan
        self._output = output

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        spec = self._spec
        error = setpoint - measured
        p, d = spec.kp * error, 0.0
        if spec.kd and dt > 0 and not math.isnan(self._measured):
            d = -spec.kd * (measured - self._measured) / dt
        grown = spec.ki * error * dt
        self._before = self._integral
        i = self._integral + grown
        wanted = spec.bias + p + i + d
        output = self._feasible(wanted, dt)
        if (wanted - output) * grown <= 0:  # not saturated, or the integral leads back from the limit
            self._integral = i
        self._measured = measured
        self._output = output
        self.terms = Terms(setpoint, measured, output, p, i, d)
        return output

    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one: the guard clamped or held that.

        The integral does not grow by what did not come about.
        """
        self._output = output
        self._integral = self._before

    def _feasible(self, wanted: float, dt: float) -> float:
        low, high = self._low, self._high
        if not math.isnan(self._output):
            reach = self._slew * dt
            low, high = max(low, self._output - reach), min(high, self._output + reach)
        return min(max(wanted, low), high)
