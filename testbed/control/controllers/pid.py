"""A PID controller that never asks for what its actuator cannot do."""

from __future__ import annotations

import math
from collections.abc import Callable

from testbed.bench import PidPlan
from testbed.control.terms import Terms
from testbed.signals import Signal

from .base import Controller


class Pid(Controller):
    """Parallel form with setpoint weights, a filtered derivative and feed-forward, within limits and slew.

    Anti-windup by conditional integration: the integral grows only while that does not push the output
    further beyond what the actuator can follow (Astrom and Hagglund, Advanced PID Control, section 3.5).
    After a reset the integral begins so that the first output is where the actuator is (bumpless, 3.6),
    as far as there is an integral, and as far as it would be an output of the actuator: one that began
    further off would take long to come back.
    """

    def __init__(
        self, plan: PidPlan, actuator: Signal, ahead: Callable[[float], float] = lambda setpoint: 0.0
    ) -> None:
        """`ahead` gives what is fed forward at a setpoint."""
        super().__init__(actuator)
        self._plan = plan
        self._ahead = ahead
        self._forget()

    def reset(self, output: float = math.nan) -> None:
        """Forget the past; the next output starts from `output` (the actuator's present value)."""
        self._forget()
        self.reach.output = output
        self._bumpless = self._plan.ki != 0 and math.isfinite(output)

    def _forget(self) -> None:
        self._integral = self._before = self._derivative = 0.0
        self._setpoint = self._measured = math.nan
        self._bumpless = False

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        plan = self._plan
        p = plan.kp * (plan.setpoint_weight * setpoint - measured)
        d = self._derive(setpoint, measured, dt)
        ahead = self._ahead(setpoint)
        base = plan.bias + ahead
        grown = plan.ki * (setpoint - measured) * dt
        if self._bumpless:
            self._integral = self.reach.limited(self.reach.output - p - d - grown) - base
            self._bumpless = False
        self._before = self._integral
        i = self._integral + grown
        wanted = base + p + i + d
        output = self.reach.within(wanted, dt)
        cut = wanted - output
        if cut * grown <= 0 and self.stuck * grown <= 0:  # free, or the integral leads back from the limit
            self._integral = i
        excess = cut * (plan.kp or plan.ki)
        self.pushing = (excess > 0) - (excess < 0)
        self._setpoint, self._measured = setpoint, measured
        self.reach.output = output
        self.terms = Terms(setpoint, measured, output, p, ahead + i, d)
        return output

    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one: the guard clamped or held that.

        The integral does not grow by what did not come about.
        """
        self.reach.output = output
        self._integral = self._before

    def retune(self, plan: PidPlan) -> None:
        """Go on with other gains; the integral takes up what they change at the last error."""
        old = self._plan
        if plan.ki and not math.isnan(self._measured):
            was, now = (
                each.bias + each.kp * (each.setpoint_weight * self._setpoint - self._measured)
                for each in (old, plan)
            )
            self._integral += was - now
        self._plan = plan

    def _derive(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the derivative part; backward difference of a first-order low-pass, section 3.4."""
        plan = self._plan
        if not plan.kd or math.isnan(self._measured) or plan.filter + dt <= 0:
            return self._derivative
        change = (measured - self._measured) - plan.derivative_weight * (setpoint - self._setpoint)
        kept = plan.filter / (plan.filter + dt) * self._derivative
        self._derivative = kept - plan.kd * change / (plan.filter + dt)
        return self._derivative
