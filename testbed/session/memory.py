"""What a bench keeps from session to session: last values, and what twins learned of real devices."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.bench import Bench, TwinModel
from testbed.errors import DamagedInput, TestbedError
from testbed.signals import Quality
from testbed.twin.models import make_model
from testbed.twin.update import Version

from .file import SUFFIX, SessionReader
from .resolved import model_parameters

_KEPT = 500  # ends of sessions

KEY = "memory"
"""Of the metadata: what a session began with."""

VERSIONS = "versions"
"""Of the metadata at the end: every version of every twin's model, by device."""


@dataclass(frozen=True)
class Learned:
    """What a twin had come to: parameters and biases of sensors (by path), in the model's units."""

    values: Mapping[str, float] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    """Which changes led there, the oldest first."""
    history: tuple[tuple[str, int, float], ...] = ()
    """What parameters were at the end of each session: name, time in ns, value."""

    def __str__(self) -> str:
        """Return it in words."""
        lasting = {version.name: version for version in self.versions if not version.taken_back}
        return "; ".join(map(str, lasting.values())) or ", ".join(self.values)

    def parameters(self, spec: TwinModel) -> dict[str, float]:
        """Return the model's parameters: those of the bench file, and what was learned since of them.

        A replay may have another model, which knows nothing of some.
        """
        if not self.values:
            return spec.parameters
        known = model_parameters(spec)
        return {**spec.parameters, **{k: v for k, v in self.values.items() if k in known}}

    def biases(self, spec: TwinModel) -> list[float]:
        """Return by how much each sensor is known to read too high."""
        return [self.values.get(each.signal.path, 0.0) for each in spec.sensors]


@dataclass(frozen=True)
class Memory:
    """What a session begins with."""

    session: str = ""
    """The name of the session that it is from."""
    readings: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """Last good values by the path of the signal, each with its time in ns."""
    twins: Mapping[str, Learned] = field(default_factory=dict)

    def of(self, device: str) -> Learned:
        """Return what the twin of a device had learned."""
        return self.twins.get(device, Learned())

    def as_metadata(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        twins = {
            name: {
                "values": dict(each.values),
                "versions": [version.as_dict() for version in each.versions],
                "history": list(each.history),
            }
            for name, each in self.twins.items()
        }
        return {"session": self.session, "readings": dict(self.readings), "twins": twins}


def memory_of(session: SessionReader) -> Memory:
    """Return what a session began with; nothing in sessions from before there was a memory.

    Raises DamagedInput for what cannot be read.
    """
    told = session.meta().get(KEY)
    if told is None:
        return Memory()
    try:
        return _read(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"{session.path}: what it began with ({KEY}) is not as this testbed writes it: {error}"
        raise DamagedInput(text, "read it with the testbed that recorded it, or a newer one") from error


def _read(told: Mapping[str, Any]) -> Memory:
    readings = {path: (value, time_ns) for path, (value, time_ns) in told["readings"].items()}
    twins = {
        name: Learned(
            each["values"],
            tuple(Version(**version) for version in each["versions"]),
            tuple((name, time_ns, value) for name, time_ns, value in each["history"]),
        )
        for name, each in told["twins"].items()
    }
    return Memory(told["session"], readings, twins)


def learned(session: SessionReader, device: str, spec: TwinModel, until_ns: int | None = None) -> Learned:
    """Return what the twin of a device had come to by a time, in this session and in those before it."""
    before = memory_of(session).of(device)
    state = session.last_twin_state(device, until_ns)
    now = {} if state is None else _learned_of(state.values, spec)
    ended = () if state is None else tuple((name, state.time_ns, value) for name, value in now.items())
    told = session.meta().get(VERSIONS, {}).get(device)
    versions = before.versions if told is None else tuple(Version(**each) for each in told)
    return Learned({**before.values, **now}, versions, (*before.history, *ended)[-_KEPT:])


def _learned_of(state: Mapping[str, float], spec: TwinModel) -> dict[str, float]:
    """Return what a twin's state says of parameters and biases, as the model took it: within its bounds."""
    bounds = {each.name: (each.low, each.high) for each in make_model(spec).PARAMETERS}
    bounds |= {each.signal.path: (-math.inf, math.inf) for each in spec.sensors}
    return {
        name: min(max(value, bounds[name][0]), bounds[name][1])
        for name, value in state.items()
        if name in bounds and math.isfinite(value)
    }


def recall(folder: Path, bench: Bench, emulated: Collection[str]) -> Memory | None:
    """Return what is left of the newest session of this bench in `folder` that had real devices.

    Emulated devices are new each time, and leave nothing. A twin whose model or parameters are others in
    the bench file than they were begins with what the file says.
    """
    if not folder.is_dir():
        return None
    real = {name: device for name, device in bench.devices.items() if name not in emulated}
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=lambda each: each.stat().st_mtime_ns, reverse=True):
        try:
            with SessionReader(path) as session:
                meta = session.meta()
                told = meta.get("devices", {})
                same = [
                    name
                    for name, device in real.items()
                    if name in told
                    and not told[name].get("emulated")
                    and told[name].get("profile") == device.profile.name
                ]
                if meta.get("bench") == bench.name and meta.get("mode") == "real" and same:
                    return _recalled(session, bench, same)
        except TestbedError:
            continue  # a damaged session is one that nothing is known of
    return None


def _recalled(session: SessionReader, bench: Bench, devices: list[str]) -> Memory:
    paths = {signal.id: signal.path for signal in session.signals}
    measured = {
        each.path for name in devices for each in bench.devices[name].signals.values() if not each.writable
    }
    readings = {
        paths[number]: (newest.sample.value, newest.sample.time_ns)
        for number, newest in session.newest().items()
        if paths[number] in measured and newest.sample.quality is Quality.GOOD
    }
    twins = {}
    for name in devices:
        spec = bench.twins[name].model if name in bench.twins else None
        if spec is not None and _same_model(session, name, spec):
            found = learned(session, name, spec)
            if found.values:
                twins[name] = found
    return Memory(session.path.stem, readings, twins)


def _same_model(session: SessionReader, device: str, spec: TwinModel) -> bool:
    """Return whether the bench file says the same of a twin's model as it did then."""
    if "bench/resolved.json" not in session.attachments():
        return False
    twin = json.loads(session.attachment("bench/resolved.json"))["twins"].get(device) or {}
    told = twin.get("model") or {}
    return told.get("kind") == spec.kind and told.get("parameters") == model_parameters(spec)
