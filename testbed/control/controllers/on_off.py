"""An on-off controller with hysteresis, for actuators that must not switch too often."""

from __future__ import annotations

import math

from testbed.bench import OnOffPlan
from testbed.control.terms import NO_TERMS
from testbed.signals import Signal

from .base import Controller


class OnOff(Controller):
    """Switches at the edges of a band around the setpoint, and stays on and off for a least time.

    It begins off, or from what its actuator was told, and counts the least time from there: nobody knows
    when the compressor was stopped last. A slew makes it go over slowly.
    """

    def __init__(self, plan: OnOffPlan, actuator: Signal) -> None:
        super().__init__(actuator)
        self._plan = plan
        self.reset()

    def reset(self, output: float = math.nan) -> None:
        """Begin from the actuator's present value."""
        self.on = self._was_on = self._is_on(output)
        self._lasted = self._had_lasted = 0.0
        self.reach.output = output

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        plan = self._plan
        self._lasted += dt
        self._was_on, self._had_lasted = self.on, self._lasted
        lacking = (measured - setpoint) if plan.above else (setpoint - measured)
        wants_on = lacking > plan.hysteresis / 2 or (self.on and lacking >= -plan.hysteresis / 2)
        if wants_on != self.on and self._lasted >= (plan.min_on if self.on else plan.min_off):
            self.on, self._lasted = wants_on, 0.0
        output = self.reach.within(plan.on if self.on else plan.off, dt)
        self.reach.output = output
        self.terms = NO_TERMS._replace(setpoint=setpoint, measured=measured, output=output)
        return output

    def applied(self, output: float) -> None:
        """Learn what went out in place of the last output: what was to be switched may not have been."""
        if self._is_on(output) is self._was_on:
            self.on, self._lasted = self._was_on, self._had_lasted
        self.reach.output = output

    def _is_on(self, output: float) -> bool:
        return abs(output - self._plan.on) < abs(output - self._plan.off)  # never of NaN
