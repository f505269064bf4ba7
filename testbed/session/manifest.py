"""What makes up each twin, by the five dimensions of a digital twin, and what is missing.

Physical entity, virtual model, data, connection and services: Tao, Zhang, Liu, Nee, "Digital Twin in
Industry: State-of-the-Art", IEEE Transactions on Industrial Informatics 15 (2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass

from testbed.bench import Bench, Twin, TwinLevel, TwinModel, signals_of
from testbed.twin.models import make_model


@dataclass(frozen=True)
class Manifest:
    """One twin: a line for each dimension, and for each gap."""

    device: str
    level: str
    physical: str
    virtual: str
    data: str
    connection: str
    service: str
    gaps: tuple[str, ...]


def manifests(bench: Bench) -> list[Manifest]:
    """Return what makes up the twins of a bench that was verified."""
    return [_manifest(bench, twin) for twin in bench.twins.values()]


def _manifest(bench: Bench, twin: Twin) -> Manifest:
    device, model = twin.device, twin.model
    services = list(_services(bench, twin))
    return Manifest(
        device.name,
        twin.level.value,
        device.profile.title or device.profile.name,
        "mirror of its signals" if model is None else _virtual(model),
        ", ".join(_data(bench, twin)),
        ", ".join(_connection(bench, twin)),
        ", ".join(services) or "none",
        tuple(_gaps(twin, services)),
    )


def _count(what: Sized, name: str) -> str:
    return f"{len(what)} {name}{'' if len(what) == 1 else 's'}"


def _virtual(model: TwinModel) -> str:
    kind = make_model(model)
    return f"{model.kind} model, {_count(kind.STATES, 'state')}, {_count(kind.PARAMETERS, 'parameter')}"


def _data(bench: Bench, twin: Twin) -> Iterator[str]:
    yield _count(twin.device.signals, "signal")
    if twin.model is not None:
        yield f"{_count(twin.model.sensors, 'sensor')} followed"
    stores = [name for name, there in (("InfluxDB", bench.influxdb), ("MQTT", bench.mqtt)) if there]
    yield " and ".join(["session file", *stores])


def _connection(bench: Bench, twin: Twin) -> Iterator[str]:
    yield f"{twin.device.profile.protocol} at {twin.device.wire.redacted(str(twin.device.wire))}"
    others = sorted(_fed_by(twin))
    if others:
        yield f"fed by {', '.join(others)} too"


def _fed_by(twin: Twin) -> set[str]:
    if twin.model is None:
        return set()
    signals = [*(sensor.signal for sensor in twin.model.sensors), *twin.model.inputs.values()]
    return {signal.device for signal in signals} - {twin.device.name}


def _services(bench: Bench, twin: Twin) -> Iterator[str]:
    name, model = twin.device.name, twin.model
    for loop in bench.loops.values():
        if name in (loop.reads.device, loop.writes.device):
            yield f"loop {loop.name}"
    for interlock in bench.guard.interlocks:
        if name in {signal.device for signal in (*signals_of(interlock.when), *interlock.holds)}:
            yield f"interlock {interlock.name}"
    if model is None:
        return
    measured = {sensor.signal.path for sensor in model.sensors}
    if any(
        measured & {each.path for each in signals_of(condition)}
        for _, condition in bench.guard.lookahead.never
    ):
        yield "guard that looks ahead"
    if model.foresees:
        yield "time to limits"
    if model.learns is not None:
        yield "continuous update"


def _gaps(twin: Twin, services: list[str]) -> Iterator[str]:
    model = twin.model
    if not services:
        yield "nothing uses it"
    if model is None:
        return
    kind = make_model(model)
    measured = {sensor.output or kind.OUTPUTS[0].name for sensor in model.sensors}
    for variable in kind.INPUTS:
        if variable.name not in model.inputs:
            yield f"input {variable.name} is not connected, and taken as 0"
    for variable in kind.OUTPUTS:
        if variable.name not in measured and variable.name not in model.estimates:
            yield f"output {variable.name} is neither measured nor estimated"
    if twin.level is TwinLevel.INTEGRATED and not any(each.writable for each in twin.device.signals.values()):
        yield "integrated, and nothing of its device can be written"
