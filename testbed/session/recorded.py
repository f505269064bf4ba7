"""What a session was recorded from, as a bench that can be run again: from its attachments alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from testbed.bench import Bench, load_bench, parse_wire
from testbed.errors import DamagedInput, UsageError
from testbed.twin.models import make_model

from .file import SessionReader

_BENCH = "bench/"
_PROFILES = "profiles/"


def recorded_bench(session: SessionReader, folder: Path, changed: Mapping[str, Path] | None = None) -> Bench:
    """Return the recorded bench, its files written to `folder`, its wires those that were in use.

    `changed` gives files to take in place of recorded profiles, by the profiles' names.
    Secrets were never recorded: what the bench file took from the environment is taken from there if it
    is set, else it is a placeholder. Raises DamagedInput when what is needed is missing or damaged.
    """
    names = session.attachments()
    files = [name for name in names if name.startswith(_BENCH) and name.endswith((".yaml", ".yml"))]
    if len(files) != 1:
        raise DamagedInput(f"{session.path}: holds {len(files)} bench files, and a replay needs one")
    written = {name: _write(session, name, folder) for name in names if name.startswith((_BENCH, _PROFILES))}
    profiles = {}
    for device, told in _devices(session).items():
        name = f"{_PROFILES}{told['profile']}.yaml"
        if name not in written:
            raise DamagedInput(f"{session.path}: holds no attachment {name}, the profile of {device}")
        profiles[device] = (changed or {}).get(told["profile"], written[name])
    bench = load_bench(written[files[0]], AnyEnvironment(os.environ), profiles)
    for twin in bench.twins.values():
        if twin.model is not None:
            make_model(twin.model)  # what it needs of a library is loaded while that may take its time
    return on_recorded_wires(bench, session)


def on_recorded_wires(bench: Bench, session: SessionReader) -> Bench:
    """Return a bench with the wires that a session was recorded on.

    Raises UsageError for a device that the session does not hold.
    """
    recorded = _devices(session)
    devices = {}
    for name, device in bench.devices.items():
        if name not in recorded:
            held = ", ".join(recorded) or "no device"
            raise UsageError(f"{session.path} holds no recording of {name}", f"it holds {held}")
        wire = parse_wire(recorded[name]["wire"], AnyEnvironment(os.environ))
        devices[name] = replace(device, wire=wire)
    return replace(bench, devices=devices)


def _devices(session: SessionReader) -> dict[str, dict[str, str]]:
    devices = session.meta().get("devices")
    if not isinstance(devices, dict) or not all(
        isinstance(told, dict) and {"profile", "wire"} <= set(told) for told in devices.values()
    ):
        raise DamagedInput(f"{session.path}: does not say which devices it holds")
    return devices


def _write(session: SessionReader, name: str, folder: Path) -> Path:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:  # a session may come from anywhere
        raise DamagedInput(f"{session.path}: attachment {name!r} would be written outside its folder")
    file = folder / inside
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(session.attachment(name))
    return file


class AnyEnvironment(dict[str, str]):
    """An environment that has a value for every name: a placeholder for those that are not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "0"  # a number too, because options of a wire may be asked to be one
