"""A bench as it was run, in plain numbers: what a recording keeps beside the file that it was written in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import msgspec

from testbed.bench import Bench, Device, GuardPlan, Loop, PlantSpec, TwinModel
from testbed.bench.units import convert, seconds
from testbed.plants import plant_class
from testbed.signals import Signal
from testbed.twin.models import make_model


def resolved_bench(bench: Bench, seed: int) -> dict[str, Any]:
    """Return a bench as plain JSON values: units resolved, defaults filled in, every wire where it was.

    Signals are named `device.signal`; times are in ns where they say so, else in s.
    """
    return {
        "bench": bench.name,
        "seed": seed,
        "devices": {name: _device(device) for name, device in bench.devices.items()},
        "signals": [msgspec.to_builtins(signal) for signal in bench.signals],
        "plant": None if bench.plant is None else _plant(bench, bench.plant),
        "twins": {
            name: {
                "level": twin.level.value,
                "model": None if twin.model is None else _model(bench, twin.model),
            }
            for name, twin in bench.twins.items()
        },
        "loops": {name: _loop(loop) for name, loop in bench.loops.items()},
        "guard": _guard(bench.guard),
        "expectations": [asdict(expectation) for expectation in bench.expectations],
        "faults": [asdict(fault) for fault in bench.faults],
        # Its texts still hold the names of environment variables, never their values.
        "influxdb": None if bench.influxdb is None else asdict(bench.influxdb),
        "mqtt": None if bench.mqtt is None else asdict(bench.mqtt),
    }


def _guard(guard: GuardPlan) -> dict[str, Any]:
    return {
        "interlocks": {
            each.name: {
                "when": each.text,
                "reset": each.reset_text,
                "holds": [signal.path for signal in each.holds],
                "latch": each.latch,
            }
            for each in guard.interlocks
        },
        "freshness_ns": guard.freshness_ns,
        "habit": None if guard.habit is None else guard.habit.model_dump(),
        "patience_ns": guard.patience_ns,
        "never": [text for text, _ in guard.lookahead.never],
        "lookahead": {
            "horizon_s": guard.lookahead.horizon,
            "hold_s": guard.lookahead.hold,
            "sigma": guard.lookahead.sigma,
        },
        "policy": {cause: str(action) for cause, action in guard.policy.items()},
    }


def _device(device: Device) -> dict[str, Any]:
    return {
        "profile": device.profile.name,
        "protocol": device.profile.protocol,
        "wire": str(device.wire),
        "configure": device.configure,
        "calibration": [file.name for file in device.calibration],
        "firmware": None
        if device.firmware is None
        else {"board": device.firmware.board, "image": device.firmware.image.name},
        "board": None if device.board is None else device.board.model_dump(),
    }


def _plant(bench: Bench, plant: PlantSpec) -> dict[str, Any]:
    return {
        "model": plant.model,
        **({} if plant.file is None else {"file": plant.file, "sha256": _sha256(bench, plant.file)}),
        "connect": plant.connect,
        "sensors": {
            path: {
                "lag_s": seconds(sensor.lag),
                "noise": convert(sensor.noise, bench.by_path[path].unit, difference=True),
            }
            for path, sensor in plant.sensors.items()
        },
        "parameters": _working(plant_class(plant.model), plant.parameters),
    }


def _sha256(bench: Bench, name: str) -> str | None:
    """Return the SHA-256 of a recording that is played; it stays where it is, and need not be there."""
    try:
        with (bench.file.parent / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _model(bench: Bench, model: TwinModel) -> dict[str, Any]:
    return {
        "kind": model.kind,
        "sensors": [
            {
                "output": each.output,
                "signal": each.signal.path,
                "prediction": each.prediction.path,
                "sigma": each.sigma.path,
                "residual": each.residual.path,
                "lag_s": each.lag,
                "noise": each.noise,
            }
            for each in model.sensors
        ],
        "inputs": {name: signal.path for name, signal in model.inputs.items()},
        "estimates": {name: signal.path for name, signal in model.estimates.items()},
        "foresees": {
            each.text: {"seconds": each.seconds.path, "sigma": each.sigma.path} for each in model.foresees
        },
        "period_ns": model.period_ns,
        **({"files": files} if (files := _files(bench, model)) else {}),
        "parameters": model_parameters(model),
        "filter": model.filter.value,
        "learns": None if model.learns is None else asdict(model.learns),
    }


def _files(bench: Bench, model: TwinModel) -> dict[str, str | None]:
    """Return the SHA-256 of each file that a model is read from, by its name in the bench's folder."""
    names = (file.relative_to(bench.file.parent).as_posix() for file in model.files())
    return {name: _sha256(bench, name) for name in names}


def model_parameters(spec: TwinModel) -> dict[str, float]:
    """Return all parameters of a twin's model, those that the bench file leaves to the model too."""
    model = make_model(spec)
    return dict(zip((each.name for each in model.PARAMETERS), model.parameters, strict=True))


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "reads": loop.reads.path,
        "writes": loop.writes.path,
        "controller": {loop.controller.kind: _plain(loop.controller)},
        "setpoint": loop.setpoint,
        "moving": _plain(loop.moving),
        "period_ns": loop.period_ns,
        "stale_after_ns": loop.stale_after_ns,
    }


def _plain(plan: Any) -> Any:
    """Return a controller or a moving setpoint as JSON values, its signals by their paths."""
    if isinstance(plan, Signal):
        return plan.path
    if is_dataclass(plan):
        return {each.name: _plain(getattr(plan, each.name)) for each in fields(plan)}
    if isinstance(plan, tuple):
        return [_plain(each) for each in plan]
    return None if plan in (math.inf, -math.inf) else plan


def _working(kind: Any, given: Mapping[str, float]) -> Mapping[str, float]:
    """Return all parameters of a plant or model; one of another package may tell none but those given."""
    parameters: Mapping[str, float] = getattr(kind(given), "parameters", given)
    return dict(parameters)
