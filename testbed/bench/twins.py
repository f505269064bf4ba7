"""The twins of a bench, resolved: what feeds each model, and the signals in which it says what it thinks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from testbed.signals import Signal

from .device import Device
from .document import Path_
from .lookup import Lookup
from .problems import nearest
from .spec import LoopSpec
from .twin_spec import ExciteSpec, TwinLevel, TwinSensorSpec, TwinSpec

_USUAL = TwinSensorSpec.model_validate({})
_DIFFERENCES = {"degC": "K", "degF": "delta_degF"}


@dataclass(frozen=True)
class TwinSensor:
    """A signal that measures an output of a model, and those in which the twin says what it expects of it.

    `lag` is in s; `noise` and `resolution` in the signal's unit, `noise` None if the model's own is meant.
    """

    output: str | None
    """Name of the model's output, None for its first."""
    signal: Signal
    prediction: Signal
    sigma: Signal
    """One standard deviation of measured less predicted, as the twin expects it."""
    residual: Signal
    lag: float = 0.0
    noise: float | None = None
    resolution: float = 0.0


@dataclass(frozen=True)
class Excite:
    """A question to the device: the setpoint of a loop moves by so much, in its unit, for so many ns."""

    loop: str
    by: float
    unit: str
    lasts_ns: int


@dataclass(frozen=True)
class LearnPlan:
    """What may be found to have changed: parameters by name, sensors by path; `trial` in s."""

    parameters: tuple[str, ...]
    sensors: tuple[str, ...]
    trial: float
    excite: Excite | None = None


@dataclass(frozen=True)
class TwinModel:
    """A model beside a device: through which sensors it is followed, and what acts on it."""

    kind: str
    sensors: tuple[TwinSensor, ...]
    inputs: dict[str, Signal]
    parameters: dict[str, float]
    estimates: Mapping[str, Signal]
    """Outputs that nobody measures, and the signals that they become."""
    period_ns: int = 0
    """Least time between two samples of a sensor that are taken; 0: all are."""
    learns: LearnPlan | None = None

    def sensor(self, path: str) -> TwinSensor | None:
        """Return the sensor that measures, predicts or differs by the signal at `path`, if one does."""
        for each in self.sensors:
            if path in (each.signal.path, each.prediction.path, each.sigma.path, each.residual.path):
                return each
        return None


@dataclass(frozen=True)
class Twin:
    """The twin of one device."""

    device: Device
    level: TwinLevel
    model: TwinModel | None = None


def resolve_twins(
    specs: Mapping[str, TwinSpec], devices: Mapping[str, Device], loops: Mapping[str, LoopSpec], look: Lookup
) -> dict[str, Twin]:
    """Return a twin for every device, mirroring where nothing else is said; problems are noted."""
    for name in specs:
        if name not in look.devices:
            look.problem(
                ("twins", name), f"no device is called {name!r}", nearest(name, look.devices), key=True
            )
    default = TwinSpec()
    return {name: _twin(device, specs.get(name, default), loops, look) for name, device in devices.items()}


def _twin(device: Device, spec: TwinSpec, loops: Mapping[str, LoopSpec], look: Lookup) -> Twin:
    path: Path_ = ("twins", device.name)
    if spec.model is None:
        return Twin(device, spec.level or TwinLevel.MIRROR)
    level = spec.level or TwinLevel.SIMULATION
    if level is TwinLevel.MIRROR:
        hint = "say level: simulation, or integrated if it may also write"
        look.problem((*path, "model"), f"the twin of {device.name} only mirrors, and has a model", hint)
    measured = list(_measured(device, spec, look))
    if not measured:
        if spec.predicts is None and not spec.outputs:
            text = (
                f"twins.{device.name}: a model needs outputs: {{OUTPUT: DEVICE.SIGNAL}}, or predicts: SIGNAL"
            )
            look.problem(path, text, key=True)
        return Twin(device, level)
    sensors = tuple(_sensor(path, output, signal, spec, look) for output, signal in measured)
    _known(path, spec, [sensor.signal.path for sensor in sensors], look)
    inputs = {
        key: signal
        for key, value in spec.inputs.items()
        if (signal := look.signal((*path, "inputs", key), value)) is not None
    }
    rate = None if spec.rate is None else look.positive((*path, "rate"), spec.rate, "Hz")
    model = TwinModel(
        spec.model, sensors, inputs, spec.parameters, _estimates(device, spec.estimates, look),
        0 if rate is None else round(1e9 / rate), _learns(path, spec, level, loops, look),
    )  # fmt: skip
    return Twin(device, level, model)


def _measured(device: Device, spec: TwinSpec, look: Lookup) -> Iterable[tuple[str | None, Signal]]:
    """Give what measures each output of the model."""
    path: Path_ = ("twins", device.name)
    if spec.predicts is not None:
        signal = look.signal((*path, "predicts"), f"{device.name}.{spec.predicts}")
        if signal is not None:
            yield None, signal
    for output, given in spec.outputs.items():
        for index, name in enumerate([given] if isinstance(given, str) else given):
            where: Path_ = (*path, "outputs", output)
            signal = look.signal(where if isinstance(given, str) else (*where, index), name)
            if signal is not None:
                yield output, signal


def _sensor(path: Path_, output: str | None, signal: Signal, spec: TwinSpec, look: Lookup) -> TwinSensor:
    prediction, sigma, residual = _expected(path, signal, look)
    known, where = spec.sensors.get(signal.path, _USUAL), (*path, "sensors", signal.path)
    lag = look.convert((*where, "lag"), known.lag, "s")
    resolution = look.convert((*where, "resolution"), known.resolution, signal.unit, difference=True) or 0.0
    noise = None
    if known.noise is not None:
        noise = look.convert((*where, "noise"), known.noise, signal.unit, difference=True)
        if noise is not None and not noise > 0:
            look.problem((*where, "noise"), f"must be above 0 {signal.unit}: no sensor is without")
            noise = None
    return TwinSensor(output, signal, prediction, sigma, residual, lag or 0.0, noise, resolution)


def _expected(path: Path_, signal: Signal, look: Lookup) -> tuple[Signal, Signal, Signal]:
    """Make the signals in which a twin says what it expects of a sensor."""
    name, number, title = signal.name, len(look.signals), signal.title or signal.path
    difference = _DIFFERENCES.get(signal.unit, signal.unit)
    made = (
        Signal(number, signal.device, f"{name}_predicted", signal.unit, title=f"{title}, predicted"),
        Signal(
            number + 1, signal.device, f"{name}_sigma", difference, title=f"{title}, uncertainty (1 sigma)"
        ),
        Signal(
            number + 2,
            signal.device,
            f"{name}_residual",
            difference,
            title=f"{title}, measured less predicted",
        ),
    )
    if made[0].path in look.by_path:
        look.problem(path, f"{signal.path} is predicted already", "one twin predicts a signal", key=True)
    look.add(*made)
    return made


def _estimates(device: Device, given: Mapping[str, str], look: Lookup) -> dict[str, Signal]:
    made = {}
    for output, unit in given.items():
        title = f"{output}, estimated by the twin"
        made[output] = Signal(len(look.signals), device.name, f"{output}_estimated", unit, title=title)
        look.add(made[output])
    return made


def _known(path: Path_, spec: TwinSpec, measuring: list[str], look: Lookup) -> None:
    """Note what is said of sensors that measure no output."""
    for key in ("sensors", "learns"):
        named = spec.sensors if key == "sensors" else (spec.learns.sensors if spec.learns else [])
        for index, name in enumerate(named):
            if name not in measuring:
                where: Path_ = (
                    (*path, "sensors", name) if key == "sensors" else (*path, "learns", "sensors", index)
                )
                text = f"{name} measures no output of this model"
                look.problem(where, text, nearest(name, measuring), key=key == "sensors")


def _learns(
    path: Path_, spec: TwinSpec, level: TwinLevel, loops: Mapping[str, LoopSpec], look: Lookup
) -> LearnPlan | None:
    if spec.learns is None:
        return None
    trial = look.positive((*path, "learns", "trial"), spec.learns.trial, "s")
    excite = spec.learns.excite
    return LearnPlan(
        tuple(spec.learns.parameters), tuple(spec.learns.sensors), trial or 1.0,
        None if excite is None else _excite((*path, "learns", "excite"), excite, level, loops, look),
    )  # fmt: skip


def _excite(
    path: Path_, spec: ExciteSpec, level: TwinLevel, loops: Mapping[str, LoopSpec], look: Lookup
) -> Excite | None:
    if level is not TwinLevel.INTEGRATED:
        text = f"a twin that is declared {level} may not move a setpoint"
        look.problem(path, text, "only an integrated twin may: say level: integrated", key=True)
    if spec.loop not in loops:
        look.problem((*path, "loop"), f"no loop is called {spec.loop!r}", nearest(spec.loop, loops))
        return None
    reads = look.signal((*path, "loop"), loops[spec.loop].reads)
    if reads is None:
        return None
    by = look.convert((*path, "by"), spec.by, reads.unit, difference=True)
    lasts = look.positive((*path, "for"), spec.for_, "s")
    unit = _DIFFERENCES.get(reads.unit, reads.unit)
    return None if by is None or lasts is None else Excite(spec.loop, by, unit, round(lasts * 1e9))
