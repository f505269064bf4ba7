"""What every controller is, and what it may ask of its actuator."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from testbed.control.terms import NO_TERMS, Terms
from testbed.signals import Signal
from testbed.twin import LiveTwin

Read = Callable[[Signal], float]
"""Gives the present value of a signal, NaN while it has no good one."""


GetTwin = Callable[[str], LiveTwin]
"""Gives the running twin of a device, by its name."""


class Reach:
    """What an actuator can follow: its limits, and its slew from where it is (NaN: unknown)."""

    def __init__(self, actuator: Signal) -> None:
        self.low, self.high = actuator.limits or (-math.inf, math.inf)
        self._slew = math.inf if actuator.slew is None else actuator.slew
        self.output = math.nan

    def within(self, wanted: float, dt: float) -> float:
        """Return the nearest output to `wanted` that can be followed `dt` seconds later."""
        low, high = self.span(dt)
        return min(max(wanted, low), high)

    def limited(self, wanted: float) -> float:
        """Return the nearest output to `wanted` within the limits, however long it takes to get there."""
        return min(max(wanted, self.low), self.high)

    def span(self, dt: float) -> tuple[float, float]:
        """Return the lowest and the highest output that can be followed `dt` seconds later."""
        if math.isnan(self.output):
            return self.low, self.high
        step = self._slew * dt
        return max(self.low, self.output - step), min(self.high, self.output + step)


class Controller(ABC):
    """Reckons an output in one turn, from nothing but what is measured and when: no clock, no chance."""

    def __init__(self, actuator: Signal) -> None:
        self.reach = Reach(actuator)
        self.terms: Terms = NO_TERMS
        """How the last output came about."""
        self.trouble = ""
        """Why the last output is not what it should be, "" if it is."""
        self.stuck = 0
        """1 or -1 while a higher, or lower, output would change nothing: an inner loop is at its end."""
        self.pushing = 0
        """1 or -1 while a higher, or lower, setpoint would change nothing: the actuator is at its end."""

    @abstractmethod
    def reset(self, output: float = math.nan) -> None:
        """Forget the past; the next output starts from `output` (the actuator's present value)."""

    @abstractmethod
    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""

    @abstractmethod
    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one: the guard clamped or held that."""
