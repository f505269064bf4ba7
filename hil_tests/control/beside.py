"""A device, its twin and a controller in one small simulation: what a run does, without any wire."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from testbed.bench import ControllerPlan, TwinModel, TwinSensor
from testbed.clock import NS
from testbed.control.controllers import Controller, make_controller
from testbed.control.terms import Terms
from testbed.signals import Access, Command, Sample, Signal
from testbed.twin import LiveTwin
from testbed.twin.models import Variable, model_class


class Beside:
    """A device of `kind` with `real` parameters, and a twin that takes it for one with `believed` ones.

    `reads` and `writes` are an output and an input of the model, `also` other outputs that are measured;
    other inputs stay at `others`.
    """

    def __init__(
        self,
        kind: str,
        reads: str,
        writes: str,
        plan: Callable[[Signal], ControllerPlan],
        *,
        dt: float = 0.1,
        limits: tuple[float, float] = (0.0, 100.0),
        slew: float | None = None,
        real: Mapping[str, float] | None = None,
        believed: Mapping[str, float] | None = None,
        others: Mapping[str, float] | None = None,
        start: Mapping[str, float] | None = None,
        noise: float = 0.0,
        also: tuple[str, ...] = (),
    ) -> None:
        self.device, model = (model_class(kind)(dict(each or {})) for each in (real, believed))
        self.dt, self.noise, self.chance, self.now = dt, noise, random.Random(1), NS
        inputs, outputs = self.device.INPUTS, self.device.OUTPUTS
        self.names = [each.name for each in outputs]
        self.input = [each.name for each in inputs].index(writes)
        unit = inputs[self.input].unit
        self.actuator = Signal(0, "d", writes, unit, Access.WRITE, limits, slew, limits[0])
        self.sensors = [
            _sensor(4 * at + 20, each, outputs, max(noise, 1e-3)) for at, each in enumerate((reads, *also))
        ]
        self.signal, *self.others = (each.signal for each in self.sensors)
        signals = {each.name: Signal(9 + at, "d", each.name, each.unit) for at, each in enumerate(inputs)}
        signals[writes] = self.actuator
        self.values = {each.id: (others or {}).get(name, 0.0) for name, each in signals.items()}
        self.values[0] = limits[0]
        spec = TwinModel(kind, tuple(self.sensors), signals, {}, {})
        self.state = self.device.begin(
            tuple((start or {}).get(each.name, 0.0) for each in outputs), self.inputs()
        )
        self.live = LiveTwin(spec, model, self.values.__getitem__, lambda sample: None, lambda event: None)
        self.controller: Controller = make_controller(
            plan(self.signal), self.actuator, lambda signal: self.values[signal.id], lambda name: self.live
        )
        self.measured: list[float] = []
        self.outputs: list[float] = []
        self.said: list[tuple[float, ...]] = []
        """All outputs of the device as they truly were."""
        self.terms: list[Terms] = []
        self.disturbance = 0.0
        """What comes to the actuator's output besides."""

    def inputs(self) -> tuple[float, ...]:
        """Return what acts on the device."""
        values = list(self.values.values())
        return tuple(values)

    def run(self, setpoint: float, seconds: float) -> Beside:
        """Hold a setpoint for some time."""
        for _ in range(round(seconds / self.dt)):
            self._cycle(setpoint)
        return self

    def _cycle(self, setpoint: float) -> None:
        inputs: list[Any] = list(self.inputs())
        inputs[self.input] += self.disturbance
        said = self.device.output(self.state, tuple(inputs))
        for each in reversed(self.sensors):  # the one that the loop reads comes last
            measured = float(said[self.names.index(each.output)]) + self.chance.gauss(0.0, self.noise)
            self.live.observe(Sample(each.signal.id, self.now, measured))
        self.said.append(tuple(map(float, said)))
        output = self.controller.compute(setpoint, measured, self.dt)
        self.live.commanded(Command(0, output, "loop", self.now, self.now, cause_ns=self.now))
        self.values[0] = inputs[self.input] = output
        inputs[self.input] += self.disturbance
        self.state = self.device.step(self.state, tuple(inputs), self.dt)
        self.measured.append(measured)
        self.outputs.append(output)
        self.terms.append(self.controller.terms)
        self.now += round(self.dt * NS)


def _sensor(number: int, output: str, outputs: Sequence[Variable], noise: float) -> TwinSensor:
    unit = next(each.unit for each in outputs if each.name == output)
    names = [output, *(f"{output}_{each}" for each in ("predicted", "sigma", "residual"))]
    said = [Signal(number + at, "d", each, unit) for at, each in enumerate(names)]
    return TwinSensor(output, *said, noise=noise)
