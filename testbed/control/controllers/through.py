"""A twin as a loop sees it: one of its sensors is what the loop reads, one of its inputs what it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.signals import Signal
from testbed.twin import LiveTwin
from testbed.twin.models import Components, Linear, Model

Floats = NDArray[np.float64]


class Through:
    """The model of a twin, with the twin's state and parameters of now, between a loop's two signals."""

    def __init__(self, twin: LiveTwin, reads: Signal, writes: Signal) -> None:
        """Find the signals; raises LookupError for ones that the twin does not have."""
        wiring = twin.wiring
        self._twin = twin
        self._wiring = wiring
        self.input = wiring.input_of[writes.id]
        """Which input of the model is written."""
        sensor = wiring.sensor_of[reads.id]
        self.output = wiring.outputs[sensor]
        """Which output of the model is read."""
        self.reads = wiring.scales[sensor]
        wired = wiring.inputs[self.input]
        if wired is None:
            raise LookupError(writes.path)
        self.writes = wired[1]
        self.own = len(wiring.model.STATES)

    @property
    def model(self) -> Model:
        """The version of the model that the twin believes in now."""
        return self._twin.tracker.followed.model

    @property
    def stands(self) -> bool:
        """Whether the twin has a state."""
        return self._twin.tracker.begun

    @property
    def lost(self) -> str:
        """Why the twin follows its device no more, "" while it does."""
        return self._twin.lost

    @property
    def whole_state(self) -> Components:
        """The state of the twin's filter: that of the model, of lagging sensors, of what is free."""
        return self._twin.tracker.filter.state

    @property
    def state(self) -> Floats:
        """The state of the model, (n,)."""
        return np.array(self.whole_state[: self.own], dtype=float)

    @property
    def parameters(self) -> Components:
        """The parameters of the model, as the twin has learned them."""
        return self._twin.tracker.followed.parameters(self.whole_state)

    @property
    def inputs(self) -> Components:
        """All inputs of the model."""
        return self._twin.tracker.inputs

    def inputs_with(self, written: float) -> Components:
        """Return all inputs, the one that is written at another value (in the model's unit)."""
        inputs: list[Any] = list(self.inputs)
        inputs[self.input] = written
        return tuple(inputs)

    def expected(self) -> float:
        """Return what the model gives for what is read, in its own unit."""
        value, _ = self._twin.tracker.followed.quantity(self.output, self.whole_state, self.inputs)
        return value

    def step(self, state: Floats, written: float, seconds: float) -> Floats:
        """Return the state some time later."""
        later = self.model.step(tuple(state.tolist()), self.inputs_with(written), seconds, self.parameters)
        return np.array(later, dtype=float)

    def outputs(self, state: Floats, written: float) -> list[float]:
        """Return all outputs of the model in a state."""
        found = self.model.output(tuple(state.tolist()), self.inputs_with(written), self.parameters)
        return [float(each) for each in found]

    def linearise(self, state: Floats, written: float, seconds: float) -> Linear:
        """Return how a step from a state, and the outputs there, follow small changes."""
        now = tuple(state.tolist())
        return self.model.linearise(now, self.inputs_with(written), seconds, self.parameters)

    def measured_by(self, signal: Signal) -> int:
        """Return which output of the model a signal measures."""
        return self._wiring.outputs[self._wiring.sensor_of[signal.id]]

    def in_model(self, signal: Signal, *values: float) -> list[float]:
        """Return numbers of a signal that measures an output, in the model's unit, the lowest first."""
        scale = self._wiring.scales[self._wiring.sensor_of[signal.id]]
        return sorted(scale.to_model(each) for each in values)
