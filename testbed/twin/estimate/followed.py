"""A model as a filter sees it: with the lags of its sensors, and with what may have changed as more states.

A lagging sensor is a state of its own. A parameter or a sensor's bias that is to be found is one too, that
stays as it is but for a slow wander (Simon, "Optimal State Estimation", section 13.4: parameter estimation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Components, Model, difference, passing, slopes

_STEP = 1e-4  # share of its spread by which a parameter is moved to see what follows


class Sensor(NamedTuple):
    """What measures an output: which one, its lag in s, and its noise and bias in the output's unit."""

    output: int
    lag: float = 0.0
    noise: float = 0.0
    bias: float = 0.0


@dataclass(frozen=True)
class Free:
    """Something that may differ from what is believed: a parameter of the model, or the bias of a sensor.

    `spread` is by how much, as a standard deviation; `wander` how fast it goes on changing, per square root
    of a second.
    """

    name: str
    of_sensor: bool
    index: int
    spread: float
    wander: float = 0.0


class Followed:
    """The states of a model, then those of its lagging sensors, then what is free; all in one tuple."""

    def __init__(
        self, model: Model, sensors: Sequence[Sensor] | None = None, free: Sequence[Free] = ()
    ) -> None:
        """`sensors` may be several an output, or none; by default each output has one, without a lag."""
        self.model = model
        self.sensors = tuple(map(Sensor, range(len(model.OUTPUTS))) if sensors is None else sensors)
        self.free = tuple(free)
        self.own = len(model.STATES)
        self.carried = [at for at, state in enumerate(model.STATES) if state.carried is not None]
        """States that only the model moves."""
        self._lagging = [number for number, sensor in enumerate(self.sensors) if sensor.lag > 0]
        self._place = {number: self.own + at for at, number in enumerate(self._lagging)}
        self._fixed = self.own + len(self._lagging)
        self.count = self._fixed + len(self.free)
        self._parameters = [(at, each) for at, each in enumerate(self.free) if not each.of_sensor]
        self._biases = {each.index: self._fixed + at for at, each in enumerate(self.free) if each.of_sensor}
        noises = [state.noise for state in model.STATES] + [0.0] * len(self._lagging)
        self.wander: NDArray[np.float64] = np.diag(
            [noise**2 for noise in noises] + [each.wander**2 for each in self.free]
        )
        self.noises = [sensor.noise or model.OUTPUTS[sensor.output].noise for sensor in self.sensors]

    def begin(self, measured: Sequence[float], inputs: Components) -> Components:
        """Return a state that fits what the sensors said first, NaN for those that have said nothing."""
        outputs = [math.nan] * len(self.model.OUTPUTS)
        for sensor, value in zip(self.sensors, measured, strict=True):
            if math.isnan(outputs[sensor.output]):
                outputs[sensor.output] = value - sensor.bias
        state = self.model.begin(tuple(outputs), inputs)
        settled = self.model.output(state, inputs)
        behind = (settled[self.sensors[number].output] for number in self._lagging)
        return (*map(float, state), *map(float, behind), *map(self.believed, self.free))

    def believed(self, free: Free) -> float:
        """Return what is believed of something by the model, or by what is known of the sensor."""
        return self.sensors[free.index].bias if free.of_sensor else self.model.parameters[free.index]

    def with_free(self, free: Free) -> Followed:
        """Return the same with one thing more that is free."""
        return Followed(self.model, self.sensors, (*self.free, free))

    def place(self, name: str) -> int:
        """Return which state something free is."""
        return self._fixed + [each.name for each in self.free].index(name)

    def parameters(self, state: Components) -> Components:
        """Return the parameters of the model in a state, held within their bounds."""
        if not self._parameters:
            return self.model.parameters
        values = list(self.model.parameters)
        for at, each in self._parameters:
            known = self.model.PARAMETERS[each.index]
            values[each.index] = min(max(state[self._fixed + at], known.low), known.high)
        return tuple(values)

    def step(
        self, state: Components, inputs: Components, seconds: float
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return the state `seconds` later, and how it follows small changes of the state now: (n, n)."""
        own, parameters, model = state[: self.own], self.parameters(state), self.model
        slope = np.eye(self.count)
        later, slope[: self.own, : self.own] = model.leap(own, inputs, seconds, parameters)
        for at, each in self._parameters:
            slope[: self.own, self._fixed + at] = self._follows(own, inputs, seconds, parameters, each, later)
        behind = list(state[self.own : self._fixed])
        if behind:
            self._lag(behind, slope, own, later, inputs, seconds, parameters)
        return (*later, *behind, *state[self._fixed :]), slope

    def _follows(
        self, own: Components, inputs: Components, seconds: float, parameters: Components, each: Free,
        later: Components,
    ) -> NDArray[np.float64]:  # fmt: skip
        width = _STEP * each.spread
        moved = (*parameters[: each.index], parameters[each.index] + width, *parameters[each.index + 1 :])
        with passing(self.model):
            there = self.model.step(own, inputs, seconds, moved)
        found: NDArray[np.float64] = np.subtract(there, later) / width
        found[self.carried] = 0.0
        return found

    def _lag(
        self, behind: list[float], slope: NDArray[np.float64], before: Components, after: Components,
        inputs: Components, seconds: float, parameters: Components,
    ) -> None:  # fmt: skip
        """Let lagging sensors follow an output that goes evenly from its value before to that after.

        The exact answer of a first-order lag to a ramp (Franklin, Powell, Emami-Naeini, section 3.1).
        """
        first, last = (self.model.output(own, inputs, parameters) for own in (before, after))
        for number in self._lagging:
            sensor, place = self.sensors[number], self._place[number]
            kept = math.exp(-seconds / sensor.lag)
            late = sensor.lag / seconds * (1 - kept)
            row = self._slope(sensor.output, after, inputs, parameters)
            behind[place - self.own] = (
                (1 - late) * last[sensor.output]
                + (late - kept) * first[sensor.output]
                + kept * behind[place - self.own]
            )
            slope[place] = (1 - late) * (row @ slope[: self.own])
            slope[place, : self.own] += (late - kept) * row
            slope[place, place] = kept

    def expect(self, number: int, state: Components, inputs: Components) -> tuple[float, NDArray[np.float64]]:
        """Return what a sensor would say, and how that follows small changes of the state: (n,)."""
        sensor, place = self.sensors[number], self._place.get(number)
        if place is None:
            value, row = self.quantity(sensor.output, state, inputs)
        else:
            value, row = float(state[place]), np.zeros(self.count)
            row[place] = 1.0
        bias = self._biases.get(number)
        if bias is None:
            return value + sensor.bias, row
        row[bias] = 1.0
        return value + float(state[bias]), row

    def quantity(
        self, output: int, state: Components, inputs: Components
    ) -> tuple[float, NDArray[np.float64]]:
        """Return an output of the model, whatever sensors make of it, and how it follows the state: (n,)."""
        own, parameters, row = state[: self.own], self.parameters(state), np.zeros(self.count)
        value = float(self.model.output(own, inputs, parameters)[output])
        row[: self.own] = self._slope(output, own, inputs, parameters)
        for at, each in self._parameters:
            row[self._fixed + at] = self._output_follows(output, own, inputs, parameters, each)
        return value, row

    def _output_follows(
        self, output: int, own: Components, inputs: Components, parameters: Components, each: Free
    ) -> float:
        width = _STEP * each.spread
        moved = (*parameters[: each.index], parameters[each.index] + width, *parameters[each.index + 1 :])
        there, here = (self.model.output(own, inputs, values)[output] for values in (moved, parameters))
        return float(there - here) / width

    def _slope(
        self, output: int, own: Components, inputs: Components, parameters: Components
    ) -> NDArray[np.float64]:
        model = self.model
        row: NDArray[np.float64] = slopes(
            lambda x: (model.output(x, inputs, parameters)[output],), own, 1, self.carried, difference(model)
        )[0]
        return row
