"""Which signal of a bench is which input or output of a model, and what unit each reckons in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from testbed.bench import TwinModel
from testbed.bench.units import scale
from testbed.signals import Signal

from .estimate import Sensor
from .models import Components, Model, Variable

Numbers = TypeVar("Numbers", float, NDArray[np.float64])


class Scale(NamedTuple):
    """A signal's number times `factor` plus `offset` is the model's."""

    factor: float = 1.0
    offset: float = 0.0

    @classmethod
    def between(cls, signal: str, model: str) -> Scale:
        """Return the scale between two units; raises ValueError when they do not fit each other."""
        return cls(*scale(signal, model))

    def to_model(self, value: float) -> float:
        """Return a signal's number in the model's unit."""
        return value * self.factor + self.offset

    def to_signal(self, value: Numbers) -> Numbers:
        """Return a model's number, or an array of them, in the signal's unit."""
        return (value - self.offset) / self.factor

    def difference(self, value: Numbers) -> Numbers:
        """Return a difference of the model's, or an array of them, in the signal's unit."""
        return value / self.factor


class Wiring:
    """A twin's signals as the model sees them; raises ValueError where a unit does not fit."""

    def __init__(self, spec: TwinModel, model: Model) -> None:
        self.spec = spec
        self.model = model
        self.outputs = [_find(model.OUTPUTS, each.output) for each in spec.sensors]
        self.scales = [
            Scale.between(each.signal.unit, model.OUTPUTS[output].unit)
            for each, output in zip(spec.sensors, self.outputs, strict=True)
        ]
        self.inputs: list[tuple[Signal, Scale] | None] = [
            (signal, Scale.between(signal.unit, variable.unit))
            if (signal := spec.inputs.get(variable.name)) is not None
            else None
            for variable in model.INPUTS
        ]
        self._estimates = [
            (number, signal, Scale.between(signal.unit, model.OUTPUTS[number].unit))
            for name, signal in spec.estimates.items()
            for number in [_find(model.OUTPUTS, name)]
        ]
        self.sensor_of = {each.signal.id: number for number, each in enumerate(spec.sensors)}
        self.input_of = {wired[0].id: number for number, wired in enumerate(self.inputs) if wired is not None}

    @property
    def noises(self) -> list[float]:
        """Return the standard deviation of each sensor's samples, in the model's units."""
        usual = (self.model.OUTPUTS[output].noise for output in self.outputs)
        return [sensor.noise or noise for sensor, noise in zip(self.sensors(), usual, strict=True)]

    def sensors(self, biases: Sequence[float] | None = None) -> list[Sensor]:
        """Return the sensors in the model's units; so are `biases`, None for none."""
        given = [0.0] * len(self.scales) if biases is None else biases
        return [
            Sensor(output, each.lag, abs((each.noise or 0.0) * scale.factor), bias)
            for each, output, scale, bias in zip(
                self.spec.sensors, self.outputs, self.scales, given, strict=True
            )
        ]

    def input_to_model(self, number: int, value: float) -> float:
        """Return the number of an input's signal in the model's unit."""
        wired = self.inputs[number]
        return value if wired is None else wired[1].to_model(value)

    def inputs_now(self, now: Callable[[int], float]) -> tuple[float, ...]:
        """Return the model's inputs by the values of their signals, 0 where one is not known."""
        values = (math.nan if wired is None else wired[1].to_model(now(wired[0].id)) for wired in self.inputs)
        return tuple(0.0 if math.isnan(value) else value for value in values)

    def unknown(self, now: Callable[[int], float]) -> str:
        """Return which inputs are not known, "" when all are."""
        missing = [
            variable.name
            for variable, wired in zip(self.model.INPUTS, self.inputs, strict=True)
            if wired is not None and math.isnan(now(wired[0].id))
        ]
        return f"unknown input: {', '.join(missing)}" if missing else ""

    def estimates(self, outputs: Components) -> Iterator[tuple[Signal, float]]:
        """Give the signals of what nobody measures, with their numbers."""
        for number, signal, unit in self._estimates:
            yield signal, unit.to_signal(float(outputs[number]))


def _find(known: tuple[Variable, ...], name: str | None) -> int:
    if name is None:
        return 0
    names = [variable.name for variable in known]
    if name not in names:
        raise ValueError(f"the model has no output {name!r}; it has {', '.join(names)}")
    return names.index(name)
