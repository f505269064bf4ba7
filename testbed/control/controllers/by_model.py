"""What LQR and MPC share: the twin's state, a target, and what the model misses."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from testbed.bench import LqrPlan
from testbed.control.terms import NO_TERMS, Terms
from testbed.signals import Signal
from testbed.twin.models import Linear, ModelFailed

from .base import Controller, GetTwin
from .rest_point import RestPoint, Target
from .through import Floats, Through


class ByModel(Controller):
    """Steers the model of a twin to where its output is at the setpoint.

    The state is the twin's estimate. What the model misses is estimated as well: how far the state goes, in
    each cycle, beyond what the model foretold, and how far the measurement lies beyond the model's output.
    The target is reckoned with both, so that no offset remains however wrong the model is (Pannocchia and
    Rawlings, Disturbance models for offset-free model-predictive control, AIChE Journal 49 (2003)). What was
    commanded is what the model is told: nothing winds up while the actuator is at its end.
    """

    def __init__(self, plan: LqrPlan, actuator: Signal, twin: GetTwin) -> None:
        super().__init__(actuator)
        self.plan = plan
        self._actuator = actuator
        self._twin = twin
        self._rest = 0.0 if actuator.safe is None else actuator.safe
        self._way: tuple[Through, RestPoint] | None = None
        self.gain: Floats = np.empty(0)
        """What is taken off the output, no limit in the way, for each unit that a steered state is off."""
        self._waited = 0.0  # s since there was a target
        self._before: Floats | None = None
        self._beyond: Floats | None = None
        self._offset = 0.0

    def reset(self, output: float = math.nan) -> None:
        """Begin anew from `output`, at the actuator's slew; what the model misses it goes on to miss."""
        self._before = None
        self.reach.output = output

    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one."""
        self.reach.output = output

    # What a kind of controller supplies ---------------------------------------------------------

    @abstractmethod
    def design(self, through: Through, linear: Linear) -> None:
        """Prepare for a model that moves like this around its target."""

    @abstractmethod
    def feedback(self, through: Through, off: Floats, target: Target, dt: float) -> float:
        """Return what is to be added to the target's input for a state that is `off` from the target's."""

    # The reckoning ------------------------------------------------------------------------------

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        if self._way is None:  # the twins are put together after the loops
            through = Through(self._twin(self.plan.twin), self.plan.reads, self._actuator)
            self._way = through, RestPoint(through, self.plan.period)
        through, rest = self._way
        if through.lost:
            return self._wait(setpoint, measured, dt, through.lost)
        if not through.stands:
            return self._wait(setpoint, measured, dt, f"the twin of {self.plan.twin} has no state yet")
        self.trouble = ""
        state = through.state
        try:
            self._miss(through, state, measured, dt)
            target = rest.find(setpoint, self._offset, self._beyond)
            if rest.renewed:
                self.design(through, target.linear)
            off = (state - target.state)[target.steered]
            back = self.feedback(through, off, target, dt)
        except np.linalg.LinAlgError:
            trouble = f"the model of {self.plan.twin} cannot rest at {setpoint:g}"
            return self._wait(setpoint, measured, dt, trouble)
        except ModelFailed as error:
            return self._wait(
                setpoint, measured, dt, f"the model of {self.plan.twin} failed: {error.args[0]}"
            )
        self._waited = 0.0
        rests, added = through.writes.to_signal(target.written), through.writes.difference(back)
        output = self.reach.within(rests + added, dt)
        free = rests - through.writes.difference(float(self.gain @ off))
        excess = (free - output) * target.rise * through.writes.factor * through.reads.factor
        self.pushing = (excess > 0) - (excess < 0)
        self._before, self.reach.output = state, output
        self.terms = Terms(setpoint, measured, output, added, rests, 0.0)
        return output

    def _wait(self, setpoint: float, measured: float, dt: float, trouble: str) -> float:
        """Leave the output as it is for as long as an error may take; nobody steers by it, so no longer."""
        self._waited += dt
        lasting = math.isnan(self.reach.output) or self._waited > self.plan.integral
        self.trouble = f"{trouble}; the output {'goes to its safe value' if lasting else 'stays as it is'}"
        self._before = None
        output = self.reach.within(self._rest if lasting else self.reach.output, dt)
        self.reach.output = output
        self.terms = NO_TERMS._replace(setpoint=setpoint, measured=measured, output=output)
        return output

    def _miss(self, through: Through, state: Floats, measured: float, dt: float) -> None:
        """Follow what the model misses, with the time constant that the plan says."""
        share = dt / (self.plan.integral + dt)
        known = math.isfinite(self.reach.output)  # nothing is, where the guard held the very first command
        if self._before is not None and known and dt > 0:
            foretold = through.step(self._before, through.writes.to_model(self.reach.output), dt)
            missed = (state - foretold) * (self.plan.period / dt)
            before = np.zeros_like(missed) if self._beyond is None else self._beyond
            self._beyond = before + share * (missed - before)
        self._offset += share * (through.reads.to_model(measured) - through.expected() - self._offset)

    def weights(self, through: Through) -> tuple[float, float]:
        """Return what a unit of error, and of effort, costs, squared, in the model's units."""
        error, effort = self.plan.error * through.reads.factor, self.plan.effort * through.writes.factor
        return 1.0 / error**2, 1.0 / effort**2
