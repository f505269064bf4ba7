"""A PID controller whose gains go by where the device is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from testbed.bench import PidPlan, ScheduledPlan
from testbed.signals import Signal

from .base import Controller, Read
from .pid import Pid


class Scheduled(Controller):
    """Takes its gains from the straight line between the two nearest points, before each reckoning.

    Beyond the first and the last point theirs hold. While a signal that they go by is not good they stay as
    they are; before its first good value they are the gentlest (least kp). A change of gains makes no bump
    where there is an integral.
    """

    def __init__(
        self, plan: ScheduledPlan, actuator: Signal, read: Read,
        ahead: Callable[[float], float] = lambda setpoint: 0.0,
    ) -> None:  # fmt: skip
        super().__init__(actuator)
        self._plan = plan
        self._read = read
        self._now = min((each for _, each in plan.points), key=lambda each: abs(each.kp))
        self._pid = Pid(self._now, actuator, ahead)
        self.reach = self._pid.reach

    def reset(self, output: float = math.nan) -> None:
        """Forget the past; the next output starts from `output` (the actuator's present value)."""
        self._pid.reset(output)

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        by = self._plan.by
        at = self._read(by) if isinstance(by, Signal) else setpoint if by == "setpoint" else measured
        if math.isfinite(at):
            gains = gains_at(self._plan, at)
            if gains != self._now:
                self._now = gains
                self._pid.retune(gains)
        self._pid.stuck = self.stuck
        output = self._pid.compute(setpoint, measured, dt)
        self.terms, self.pushing = self._pid.terms, self._pid.pushing
        return output

    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one."""
        self._pid.applied(output)


def gains_at(plan: ScheduledPlan, at: float) -> PidPlan:
    """Return the gains at a point."""
    if at <= plan.points[0][0]:
        return plan.points[0][1]
    for (left, lower), (right, upper) in pairwise(plan.points):
        if at <= right:
            share = (at - left) / (right - left)
            kp, ki, kd, bias = (
                getattr(lower, name) + share * (getattr(upper, name) - getattr(lower, name))
                for name in ("kp", "ki", "kd", "bias")
            )
            return replace(lower, kp=kp, ki=ki, kd=kd, bias=bias)
    return plan.points[-1][1]
