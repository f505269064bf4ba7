"""What controllers share that reckon with the model of a twin: its state, a target, what the model misses."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.bench import Bound, LqrPlan
from testbed.control.terms import NO_TERMS, Terms
from testbed.signals import Signal
from testbed.twin import LiveTwin
from testbed.twin.models import Components, Linear

from .base import Controller, GetTwin

Floats = NDArray[np.float64]
_MOVED = 0.02  # share by which the point may have moved before the design is made anew
_FIRST_STEPS = 12  # of Newton's method to a new target; later the last one is near


class Target(NamedTuple):
    """Where the model rests with the output at the setpoint, and how it moves around there.

    `state` and `output` are what it rests at, in the model's units.
    """

    state: Floats
    output: float
    linear: Linear


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
        self._target: Target | None = None
        self._designed: tuple[float, ...] = ()
        self.direction = 1.0
        """The sign by which the output follows the setpoint."""
        self.gain: Floats = np.empty(0)
        """What is taken off the output, no limit in the way, for each unit that a state is off, (n,)."""
        self._forget()

    def _forget(self) -> None:
        self._before: Floats | None = None
        self._beyond: Floats | None = None
        self._offset = 0.0

    def reset(self, output: float = math.nan) -> None:
        """Forget what the model missed; the next output starts from `output`, at the actuator's slew."""
        self._forget()
        self.reach.output = output

    def applied(self, output: float) -> None:
        """Learn that `output` went out in place of the last one."""
        self.reach.output = output

    # What a kind of controller supplies ---------------------------------------------------------

    @abstractmethod
    def design(self, linear: Linear) -> None:
        """Prepare for a model that moves like this around its target."""

    @abstractmethod
    def feedback(self, off: Floats, target: Target, dt: float) -> float:
        """Return what is to be added to the target's output for a state that is `off` from the target's."""

    # The reckoning ------------------------------------------------------------------------------

    def compute(self, setpoint: float, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` seconds after the one before."""
        twin = self._twin(self.plan.twin)
        if not twin.tracker.begun:
            return self._wait(setpoint, measured, dt, f"the twin of {self.plan.twin} has no state yet")
        self.trouble = ""
        self._bind(twin)
        state = np.array(twin.tracker.filter.state[: self._own], dtype=float)
        self._miss(state, measured, dt)
        try:
            target = self._aim(setpoint)
            back = self.feedback(state - target.state, target, dt)
        except np.linalg.LinAlgError:
            trouble = f"the model of {self.plan.twin} cannot rest at {setpoint:g}; the output stays as it is"
            return self._wait(setpoint, measured, dt, trouble)
        rests, added = self.to_signal(target.output), self.scale.difference(back)
        output = self.reach.within(rests + added, dt)
        free = rests - self.scale.difference(float(self.gain @ (state - target.state)))
        excess = (free - output) * self.direction
        self.pushing = (excess > 0) - (excess < 0)
        self._before, self.reach.output = state, output
        self.terms = Terms(setpoint, measured, output, added, rests, 0.0)
        return output

    def _wait(self, setpoint: float, measured: float, dt: float, trouble: str) -> float:
        self.trouble, self._target = trouble, None
        output = self.reach.within(self._rest if math.isnan(self.reach.output) else self.reach.output, dt)
        self.reach.output = output
        self.terms = NO_TERMS._replace(setpoint=setpoint, measured=measured, output=output)
        return output

    def to_signal(self, value: float) -> float:
        """Return a number of the model's input in the unit of the actuator."""
        return self.scale.to_signal(value)

    def _bind(self, twin: LiveTwin) -> None:
        """Find the way through the twin: its sensor of what is read, its input that is written."""
        self.tracker, wiring = twin.tracker, twin.wiring
        self.followed = self.tracker.followed
        self._own = self.followed.own
        self.sensor = wiring.sensor_of[self.plan.reads.id]
        self.input = wiring.input_of[self._actuator.id]
        wired = wiring.inputs[self.input]
        assert wired is not None  # noqa: S101  (it was found by its signal)
        self.scale, self._measures = wired[1], wiring.scales[self.sensor]
        self.outputs = wiring.outputs
        self.read = self.outputs[self.sensor]
        self._wiring = wiring

    @property
    def weights(self) -> tuple[float, float]:
        """What a unit of error, and of effort, cost, squared, in the model's units."""
        error = self.plan.error * self._measures.factor
        effort = self.plan.effort * self.scale.factor
        return 1.0 / error**2, 1.0 / effort**2

    def number_of(self, signal: Signal) -> int:
        """Return which output of the model a signal measures."""
        return self.outputs[self._wiring.sensor_of[signal.id]]

    def bounds_of(self, bound: Bound) -> tuple[float, float]:
        """Return the bounds of a measured quantity in the model's unit."""
        scale = self._wiring.scales[self._wiring.sensor_of[bound.signal.id]]
        low, high = sorted(scale.to_model(each) for each in (bound.low, bound.high))
        return low, high

    def outputs_at(self, target: Target) -> list[float]:
        """Return all outputs of the model where it rests."""
        parameters = self.followed.parameters(self.tracker.filter.state)
        inputs = self.model_inputs(target.output)
        return [
            float(each)
            for each in self.followed.model.output(tuple(target.state.tolist()), inputs, parameters)
        ]

    def model_inputs(self, output: float) -> Components:
        """Return all inputs of the model, the controlled one at `output` (in the model's unit)."""
        inputs = list(self.tracker.inputs)
        inputs[self.input] = output
        return tuple(inputs)

    def _miss(self, state: Floats, measured: float, dt: float) -> None:
        """Follow what the model misses, with the time constant that the plan says."""
        share = dt / (self.plan.integral + dt)
        if self._before is not None and not math.isnan(self.reach.output) and dt > 0:
            inputs = self.model_inputs(self.scale.to_model(self.reach.output))
            parameters = self.followed.parameters(self.tracker.filter.state)
            foretold = self.followed.model.step(tuple(self._before.tolist()), inputs, dt, parameters)
            missed = (state - np.array(foretold, dtype=float)) * (self.plan.period / dt)
            self._beyond = (
                missed * share if self._beyond is None else self._beyond + share * (missed - self._beyond)
            )
        expected, _ = self.followed.quantity(self.read, self.tracker.filter.state, self.tracker.inputs)
        self._offset += share * (self._measures.to_model(measured) - expected - self._offset)

    def _aim(self, setpoint: float) -> Target:
        """Return where the model rests with its output at the setpoint, by Newton's method."""
        inputs, parameters = self.tracker.inputs, self.followed.parameters(self.tracker.filter.state)
        others = (*inputs[: self.input], *inputs[self.input + 1 :])
        point = tuple(float(each) for each in (setpoint, *others, *parameters))
        target = self._target
        if target is None or _moved(point, self._designed):
            target = self._newton(self._start(), setpoint, parameters, _FIRST_STEPS)
            self._designed = point
            self.design(target.linear)
        else:
            target = self._newton(target, setpoint, parameters, 1)
        self._target = target
        return target

    def _start(self) -> Target:
        state = np.array(self.tracker.filter.state[: self._own], dtype=float)
        linear = self._linear(state, self.tracker.inputs[self.input])
        return Target(state, self.tracker.inputs[self.input], linear)

    def _linear(self, state: Floats, output: float) -> Linear:
        parameters = self.followed.parameters(self.tracker.filter.state)
        inputs = self.model_inputs(output)
        return self.followed.model.linearise(tuple(state.tolist()), inputs, self.plan.period, parameters)

    def _newton(self, target: Target, setpoint: float, parameters: Components, steps: int) -> Target:
        """Return the rest point that is reached from `target`; it moves by what is still unbalanced."""
        state, output, linear = target
        wanted = self._measures.to_model(setpoint) - self._offset
        model, read, own = self.followed.model, self.read, self._own
        beyond = np.zeros(own) if self._beyond is None else self._beyond
        for step in range(steps):
            inputs, now = self.model_inputs(output), tuple(state.tolist())
            if step:
                linear = self._linear(state, output)
            drift = (
                np.array(model.step(now, inputs, self.plan.period, parameters), dtype=float) + beyond - state
            )
            lacking = wanted - float(model.output(now, inputs, parameters)[read])
            jacobian = np.empty((own + 1, own + 1))
            jacobian[:own, :own] = linear.a - np.eye(own)
            jacobian[:own, own] = linear.b[:, self.input]
            jacobian[own, :own] = linear.c[read]
            jacobian[own, own] = linear.d[read, self.input]
            move = np.linalg.solve(jacobian, np.append(-drift, lacking))
            state, output = state + move[:own], output + float(move[own])
            if not (np.isfinite(state).all() and math.isfinite(output)):
                raise np.linalg.LinAlgError
            rise = float(np.linalg.solve(jacobian, np.append(np.zeros(own), 1.0))[own])
            self.direction = math.copysign(1.0, rise)
        return Target(state, output, self._linear(state, output) if steps > 1 else linear)


def _moved(point: tuple[float, ...], before: tuple[float, ...]) -> bool:
    """Return whether any number has moved so far that the design is another."""
    return len(point) != len(before) or any(
        abs(now - then) > _MOVED * max(1.0, abs(then)) for now, then in zip(point, before, strict=True)
    )
