"""Checks of a bench that only drivers, plants and models can make, before anything is opened."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any

from testbed.bench import (
    Bench,
    BenchFileError,
    LearnPlan,
    ModelPart,
    PlannedFault,
    Problem,
    TwinFilter,
    TwinModel,
    nearest,
)
from testbed.bench.document import Path_
from testbed.bench.faults import CATALOGUE, Fault, wrong_in
from testbed.bench.units import convert
from testbed.clock import SystemClock
from testbed.control import make_controller
from testbed.drivers import DriverContext, driver_class
from testbed.emulators.breaking import faults_of
from testbed.errors import TestbedError, UsageError
from testbed.links import no_tap
from testbed.plants import plant_class
from testbed.twin import LiveTwin
from testbed.twin.models import Model, Variable, WrongSetting, make_model, model_class, try_out
from testbed.twin.wiring import Wiring

from .plant import make_plant

_KEYS = ("file", "parts", "connect", "sums")  # of a twin, that are no settings


async def verify(bench: Bench) -> None:
    """Raise BenchFileError with every problem that driver, plant or model finds in what it would get."""
    problems = [*_devices(bench), *_plant(bench), *_faults(bench), *_loops(bench)]
    for name, twin in bench.twins.items():
        if twin.model is not None:
            problems += _model(bench, ("twins", name), twin.model)
    if problems:
        raise BenchFileError(problems)


def known_faults(bench: Bench) -> dict[str, Fault]:
    """Return the faults that can be had on a bench: the catalogue, and what its plant declares."""
    plants = {} if bench.plant is None else faults_of(plant_class(bench.plant.model))
    return {**CATALOGUE, **plants}


def wrong_with(bench: Bench, planned: PlannedFault) -> list[tuple[tuple[str, ...], str, str]]:
    """Return (where in the fault, what is wrong, hint) for all that is wrong with a fault."""
    known = known_faults(bench)
    fault = known.get(planned.fault)
    if fault is None:
        return [(("fault",), f"no fault is called {planned.fault!r}", nearest(planned.fault, known))]
    device = bench.devices.get(planned.device)
    if device is None:
        hint = nearest(planned.device, bench.devices)
        return [(("device",), f"no device is called {planned.device!r}", hint)]
    found = wrong_in(planned, fault, {signal.name: signal.unit for signal in device.signals.values()})
    runs, scheme = device.firmware is not None, device.wire.scheme
    if unsuited := fault.unsuited(device.profile.protocol, scheme, firmware=runs):
        is_one = "runs firmware" if runs else f"speaks {device.profile.protocol}, and has no emulate:"
        found.append((("device",), f"{planned.fault} {unsuited}; {planned.device} {is_one}", ""))
    return found


def _faults(bench: Bench) -> list[Problem]:
    problems: list[Problem] = []
    for index, planned in enumerate(bench.faults):
        for where, text, hint in wrong_with(bench, planned):
            problems.append(bench.document.problem(("faults", index, *where), text, hint))
    return problems


def _loops(bench: Bench) -> list[Problem]:
    """Make every controller, as a run would: one may need what is not installed."""
    problems: list[Problem] = []
    for name, loop in bench.loops.items():
        try:
            make_controller(loop.controller, loop.writes, lambda signal: math.nan, _no_twin)
        except UsageError as error:
            path: Path_ = ("loops", name, "controller")
            problems.append(bench.document.problem(path, str(error.args[0]), error.next_step))
    return problems


def _no_twin(name: str) -> LiveTwin:
    raise LookupError(f"no twin of {name} runs")


def _devices(bench: Bench) -> list[Problem]:
    """Build every driver, as a run would, and let it say what it cannot speak to."""
    problems: list[Problem] = []
    clock = SystemClock()
    context = DriverContext(
        clock, lambda sample: None, lambda event: None, no_tap, random.Random(0), lambda *command: None
    )
    for name, device in bench.devices.items():
        try:
            driver_class(device.profile.protocol)(device, context)
        except BenchFileError as error:
            problems += error.problems
        except (TestbedError, ValueError) as error:
            hint = error.next_step if isinstance(error, TestbedError) else ""
            told, hint = (device.wire.redacted(text) for text in (str(error.args[0]), hint))
            problems.append(bench.document.problem(("devices", name, "wire"), told, hint))
    clock.close()
    return problems


def _plant(bench: Bench) -> list[Problem]:
    spec, document = bench.plant, bench.document
    if spec is None:
        return []
    try:
        plant = plant_class(spec.model)
    except TestbedError as error:
        return [document.problem(("plant", "model"), str(error))]
    problems = _parameters(bench, ("plant", "parameters"), spec.parameters, plant)
    outputs = plant.OUTPUTS
    if not problems:
        try:
            made = make_plant(bench)
            outputs = made.OUTPUTS if made else ()
        except BenchFileError as error:  # of a recording, which knows its outputs
            return [*problems, *error.problems]
    for key, value in spec.connect.items():
        path: Path_ = ("plant", "connect", key)
        if "." not in key and key not in outputs:
            hint = nearest(key, outputs)
            problems.append(document.problem(path, f"{spec.model} has no output {key!r}", hint, key=True))
        elif "." in key and value not in plant.INPUTS:
            hint = nearest(str(value), plant.INPUTS)
            problems.append(document.problem(path, f"{spec.model} has no input {value!r}", hint))
    return problems


def _model(bench: Bench, path: Path_, spec: TwinModel) -> list[Problem]:
    parts = spec.settings.get("parts", {}).items()
    problems = [problem for name, part in parts for problem in _makes(bench, (*path, "parts", name), part)]
    problems = problems or _makes(bench, path, spec)
    return problems or _uses(bench, path, spec, make_model(spec, {}))


def _makes(bench: Bench, path: Path_, spec: TwinModel | ModelPart) -> list[Problem]:
    """Note why a model cannot be made, whatever its parameters if it is a whole one."""
    try:
        model_class(spec.kind)
    except TestbedError as error:
        return [bench.document.problem((*path, "model"), str(error))]
    try:
        try_out(spec)
        make_model(spec, spec.parameters if isinstance(spec, ModelPart) else {})
    except WrongSetting as error:
        own = error.name in _KEYS
        where = (*path, error.name) if own else (*path, "settings", error.name)
        return [bench.document.problem(where, str(error), key=True)]
    except (TestbedError, ValueError) as error:
        hint = error.next_step if isinstance(error, TestbedError) else ""
        where = (*path, "file") if "file" in spec.settings else path
        return [bench.document.problem(where, str(error.args[0]), hint, key="file" not in spec.settings)]
    return []


def _uses(bench: Bench, path: Path_, spec: TwinModel, model: Model) -> list[Problem]:
    """Note what a twin makes of its model that it cannot."""
    outputs = [each.output for each in spec.sensors if each.output is not None]
    learned = () if spec.learns is None else spec.learns.parameters
    known = _names(model.PARAMETERS)
    problems = [
        *_unknown(bench, (*path, "inputs"), spec.inputs, _names(model.INPUTS), "input"),
        *_unknown(bench, (*path, "outputs"), dict.fromkeys(outputs), _names(model.OUTPUTS), "output"),
        *_unknown(bench, (*path, "estimates"), spec.estimates, _names(model.OUTPUTS), "output"),
        *_unknown(bench, (*path, "parameters"), spec.parameters, known, "parameter"),
        *_unknown(bench, (*path, "learns", "parameters"), learned, known, "parameter", by_number=True),
    ]
    if not problems and spec.learns is not None:
        problems = [*_wears(bench, (*path, "learns", "wears"), spec.learns, model)]
    carried = [state.name for state in model.STATES if state.carried is not None]
    if spec.filter is TwinFilter.UKF and carried:
        text = f"no points can be taken of the {', '.join(carried)} of a {spec.kind} model"
        problems.append(bench.document.problem((*path, "filter"), text, "use filter: ekf"))
    if problems:
        return problems
    try:
        made = make_model(spec) if spec.parameters else model
    except ValueError as error:
        return [bench.document.problem((*path, "parameters"), str(error))]
    try:
        Wiring(spec, made)
    except ValueError as error:
        return [bench.document.problem(path, str(error), key=True)]
    return []


def _wears(bench: Bench, path: Path_, plan: LearnPlan, model: Model) -> Iterable[Problem]:
    """Note the limits whose unit is not that of their parameter."""
    units = {variable.name: variable.unit for variable in model.PARAMETERS}
    for wear in plan.wears:
        try:
            convert(wear.limit, units[wear.parameter])
        except ValueError as error:
            yield bench.document.problem((*path, wear.parameter), str(error))


def _parameters(bench: Bench, path: Path_, given: dict[str, float], kind: Any) -> list[Problem]:
    problems = _unknown(bench, path, given, _names(kind.PARAMETERS), "parameter")
    if problems:
        return problems
    try:
        kind(given)
    except ValueError as error:
        return [bench.document.problem(path, str(error))]
    return []


def _names(known: Iterable[str | Variable]) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else each.name for each in known)


def _unknown(
    bench: Bench,
    path: Path_,
    given: Iterable[str],
    known: tuple[str, ...],
    what: str,
    *,
    by_number: bool = False,
) -> list[Problem]:
    """Note the names that are unknown; keys of a mapping, or `by_number` entries of a list."""
    return [
        bench.document.problem(
            (*path, number if by_number else name),
            f"unknown {what} {name!r}",
            nearest(name, known),
            key=not by_number,
        )
        for number, name in enumerate(given)
        if name not in known
    ]
