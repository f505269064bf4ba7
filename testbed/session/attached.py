"""The bench of a recorded session, from the files attached to it: nothing else on this machine is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from testbed.bench import Bench, BenchFileError, load_bench
from testbed.bench.document import read_document
from testbed.errors import DamagedInput, UsageError

from .file import SessionReader

_PLACEHOLDER = "1"  # does for a host, a port, a unit and a password


class Placeholders(Mapping[str, str]):
    """An environment in which every name is set: secrets are in no recording, and no replay needs them."""

    def __getitem__(self, name: str) -> str:
        return _PLACEHOLDER

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return True


def attached_bench(session: SessionReader, profiles: Path | None = None) -> Bench:
    """Return the bench that a session was recorded with; every ${NAME} is filled in with a placeholder.

    Profiles of the same names in the folder `profiles` are taken instead of those attached. Raises
    DamagedInput when the session does not hold its bench, BenchFileError when this testbed cannot read
    it, UsageError when `profiles` holds nothing that the session uses.
    """
    with tempfile.TemporaryDirectory(prefix="testbed-") as name:
        folder = Path(name)
        file = folder / "bench.yaml"
        data = _bench_data(session, folder)
        files = _profile_files(session, profiles)
        for number, (device, profile) in enumerate(_profiles_of(session, data)):
            if profile not in files:
                raise DamagedInput(f"{session.path}: the profile {profile!r} of {device} is not attached")
            place = folder / f"profile{number}.yaml"
            place.write_bytes(files[profile])
            data["devices"][device]["profile"] = place.name
        file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return load_bench(file, Placeholders())


def _bench_data(session: SessionReader, folder: Path) -> dict[str, Any]:
    """Return what the attached bench file says."""
    names = [name for name in session.attachments() if name.startswith("bench/")]
    names = [name for name in names if name.endswith((".yaml", ".yml"))] or names
    if not names:
        raise DamagedInput(
            f"{session.path}: no bench file is attached", "give the one it was recorded with: --bench FILE"
        )
    file = folder / "attached.yaml"
    file.write_bytes(session.attachment(names[0]))
    data = read_document(file).data
    if not isinstance(data.get("devices"), dict):
        raise DamagedInput(f"{session.path}: the attached bench file has no devices")
    return dict(data)


def _profiles_of(session: SessionReader, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each device with the name of its profile, as the recording noted it."""
    noted = session.meta().get("devices")
    for device, spec in data["devices"].items():
        about = noted.get(device) if isinstance(noted, dict) else None
        if not isinstance(about, dict) or not isinstance(spec, dict):
            raise DamagedInput(f"{session.path}: its metadata do not say which profile {device} had")
        yield device, str(about.get("profile"))


def _profile_files(session: SessionReader, folder: Path | None) -> dict[str, bytes]:
    """Return the profiles by name: those attached, and instead of them those in `folder`."""
    files = {
        name.removeprefix("profiles/").removesuffix(".yaml"): session.attachment(name)
        for name in session.attachments()
        if name.startswith("profiles/")
    }
    if folder is None:
        return files
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the changed profiles")
    changed = {name: file for file in _yaml_files(folder) if (name := _profile_name(file)) in files}
    if not changed:
        used = ", ".join(sorted(files))
        raise UsageError(f"no profile in {folder} has a name that this session uses", f"it uses {used}")
    return files | {name: file.read_bytes() for name, file in changed.items()}


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml") and file.is_file())


def _profile_name(file: Path) -> str:
    """Return the name that a profile gives itself, empty for any other file."""
    try:
        return str(read_document(file).data.get("profile", ""))
    except BenchFileError:
        return ""
