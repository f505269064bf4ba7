"""From the `twins` section of a bench file to the twins of a bench."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.signals import Signal

from . import units
from .condition import Within
from .condition_text import read_condition
from .device import Device
from .document import Path_
from .lookup import Lookup
from .problems import nearest
from .spec import LoopSpec
from .twin_spec import ExciteSpec, LearnSpec, PartSpec, TwinLevel, TwinSensorSpec, TwinSpec
from .twins import Excite, Foresight, LearnPlan, ModelPart, Twin, TwinModel, TwinSensor, Wear

_USUAL = TwinSensorSpec.model_validate({})
_FORESIGHT = (("in", "Time until"), ("in_sigma", "Uncertainty of the time until"))


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
        tuple(_foresees(device, spec, sensors, look)), spec.filter, _settings(path, spec, look),
    )  # fmt: skip
    return Twin(device, level, model)


def _settings(path: Path_, spec: TwinSpec | PartSpec, look: Lookup) -> dict[str, Any]:
    """Return what a kind of model takes beside its parameters."""
    found: dict[str, Any] = {}
    if spec.file is not None:
        folder = Path(look.document.file).parent
        found["file"] = folder / spec.file
        if not found["file"].resolve().is_relative_to(folder.resolve()):  # a recording keeps it as it stands
            look.problem((*path, "file"), f"{spec.file} is not in the folder of the bench file")
    if isinstance(spec, TwinSpec) and spec.parts:
        found["parts"] = {
            name: ModelPart(part.model, part.parameters, _settings((*path, "parts", name), part, look))
            for name, part in spec.parts.items()
        }
        found |= {key: told for key in ("connect", "sums") if (told := getattr(spec, key))}
    return {**found, **spec.settings}


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
    difference = units.difference_unit(signal.unit)
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


def _foresees(
    device: Device, spec: TwinSpec, sensors: Sequence[TwinSensor], look: Lookup
) -> Iterator[Foresight]:
    """Give the limits whose time to come is told."""
    numbers = {sensor.signal.path: number for number, sensor in enumerate(sensors)}
    for name, text in spec.foresees.items():
        where: Path_ = ("twins", device.name, "foresees", name)
        condition = read_condition(where, text, look)
        if condition is None:
            continue
        limits = [] if not isinstance(condition, Within) else [
            each for each in (condition.low, condition.high) if math.isfinite(each)
        ]  # fmt: skip
        if not isinstance(condition, Within) or len(limits) != 1 or condition.signal.path not in numbers:
            hint = f"write for example: {next(iter(numbers))} above 84 degC"
            look.problem(where, f"{text!r} is no limit of what this twin measures", hint)
            continue
        told = [
            Signal(len(look.signals) + at, device.name, f"{name}_{suffix}", "s", title=f"{what} {text}")
            for at, (suffix, what) in enumerate(_FORESIGHT)
        ]  # fmt: skip
        look.add(*told)
        yield Foresight(text, numbers[condition.signal.path], limits[0], condition.high == math.inf, *told)


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
        tuple(_wears((*path, "learns", "wears"), spec.learns, look)),
    )  # fmt: skip


def _wears(path: Path_, spec: LearnSpec, look: Lookup) -> Iterator[Wear]:
    for name, text in spec.wears.items():
        way, _, limit = text.strip().partition(" ")
        if name not in spec.parameters:
            hint = nearest(name, spec.parameters) or "list it under parameters too"
            look.problem((*path, name), f"{name} is not among the parameters that may change", hint, key=True)
        elif way not in ("above", "below") or not limit.strip():
            look.problem((*path, name), f"{text!r} is no limit", "write for example: below 350 W")
        else:
            yield Wear(name, way == "above", limit.strip())


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
    unit = units.difference_unit(reads.unit)
    return None if by is None or lasts is None else Excite(spec.loop, by, unit, round(lasts * 1e9))
