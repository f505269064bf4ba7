"""The relay experiment of Astrom and Hagglund: a device is made to oscillate, and so tells how to tune it.

Source: K. J. Astrom and T. Hagglund, Automatic tuning of simple regulators with specifications on phase and
amplitude margins, Automatica 20 (1984).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from testbed.bench import RelayPlan
from testbed.control.terms import NO_TERMS
from testbed.signals import Signal

from .base import Controller
from .oscillation import Moment, Response, alike, mean_output, respond

_LISTEN = 20  # samples from which the noise is estimated, before anything is moved
_SIGMAS = 4.0  # of noise, that do not switch
_ALIKE = 0.1  # by how much the last cycles may differ in period and amplitude
_MOST_CYCLES = 40
_MISSES = 2
_PATIENCE = 3.0  # cycles that one may last longer than the one before


class Relay(Controller):
    """Switches the output whenever the setpoint is passed, until the oscillation is steady.

    It begins with all that the plan lets the output do, for one whole cycle. The mean output of a cycle is
    what holds the device at the setpoint: from then on it goes `step` to either side of that. If the
    setpoint is then not passed for long, as the device has changed meanwhile, it begins again; where that
    happens a second time, it stays with the full swing.
    """

    def __init__(self, plan: RelayPlan, actuator: Signal) -> None:
        super().__init__(actuator)
        self._plan = plan
        self._rest = min(max(0.0 if actuator.safe is None else actuator.safe, plan.low), plan.high)
        self.moments: list[Moment] = []
        """All that happened."""
        self.hysteresis = plan.hysteresis or 0.0
        self.failure = ""
        """Why the experiment ended without an answer."""
        self.response: Response | None = None
        """The answer, once there is one."""
        self._now = 0.0
        self._begin()

    def _begin(self) -> None:
        self._side = 0  # 1 while more of what is measured is asked for, 0 before anything is
        self._centre = math.nan
        self._missed = 0
        self._switched, self._lasted = 0.0, math.inf
        self._starts: list[int] = []  # numbers of the moments at which cycles begin
        self._listened: list[float] = []

    @property
    def over(self) -> bool:
        """Whether there is an answer, or none will come."""
        return bool(self.failure) or self.response is not None

    def reset(self, output: float = math.nan) -> None:
        """Begin anew: an oscillation that was disturbed tells nothing."""
        self._begin()
        self.reach.output = output

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        self._now += dt if self.moments else 0.0
        if not self.over:
            self._judge(setpoint, measured)
        wanted = self._rest if self.over or not self._side else self._swing()
        output = self.reach.within(wanted, dt)
        self.reach.output = output
        self.moments.append(Moment(self._now, measured, output))
        self.terms = NO_TERMS._replace(setpoint=setpoint, measured=measured, output=output)
        return output

    def applied(self, output: float) -> None:
        """Learn what went out in place of the last output; that is what the device answers to."""
        self.reach.output = output
        if math.isfinite(output):  # nothing is known where the guard held the very first command
            self.moments[-1] = self.moments[-1]._replace(output=output)

    def _judge(self, setpoint: float, measured: float) -> None:
        if not self._plan.least <= measured <= self._plan.most:
            bound = self._plan.least if measured < self._plan.least else self._plan.most
            self.failure = f"{measured:.6g} is beyond {bound:.6g}, the limit of the experiment"
        elif len(self._listened) < _LISTEN:
            self._listen(measured)
        else:
            self._switch(setpoint - measured)

    def _listen(self, measured: float) -> None:
        """Estimate the noise by second differences: a trend is none."""
        self._listened.append(measured)
        if len(self._listened) < _LISTEN or self._plan.hysteresis is not None:
            return
        a, b, c = self._listened[:-2], self._listened[1:-1], self._listened[2:]
        bends = [x - 2 * y + z for x, y, z in zip(a, b, c, strict=True)]
        sigma = math.sqrt(sum(each * each for each in bends) / len(bends) / 6)
        self.hysteresis = _SIGMAS * sigma

    def _switch(self, lacking: float) -> None:
        side = self._side
        if not side:
            self._side = 1 if lacking > 0 else -1
        elif side * lacking < -self.hysteresis:
            self._side, self._switched = -side, self._now
            if self._side > 0:
                self._starts.append(len(self.moments))
                self._cycle()
        elif self._now - self._switched > _PATIENCE * self._lasted:
            self._centre, self._lasted = math.nan, math.inf
            self._missed += 1
            self._starts.clear()

    def _swing(self) -> float:
        plan, side = self._plan, -self._side if self._plan.reverse else self._side
        if math.isnan(self._centre) or self._missed >= _MISSES:
            return plan.high if side > 0 else plan.low
        return min(max(self._centre + side * plan.step, plan.low), plan.high)

    def _cycle(self) -> None:
        """Learn from the cycles that are complete."""
        if len(self._starts) < 2:
            return
        whole = [self.moments[i:j] for i, j in pairwise(self._starts)]
        self._centre = mean_output(whole[-1], self._now)
        self._lasted = self._now - whole[-1][0].at
        last = whole[1:][-self._plan.cycles :]  # the first one had another swing
        if len(last) == self._plan.cycles and alike(last, _ALIKE):
            span = self.moments[self._starts[-1 - len(last)] : self._starts[-1]]
            self._answer(span)
        elif len(whole) > _MOST_CYCLES:
            self.failure = f"no two of {_MOST_CYCLES} cycles were alike"

    def _answer(self, span: Sequence[Moment]) -> None:
        plan = self._plan
        self.response = respond(span, self._now, plan.cycles, plan.reverse, self.hysteresis)
        if self.response is None:
            self.failure = "what is measured, or the output, did not move"
