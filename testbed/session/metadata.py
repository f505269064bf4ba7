"""What a session file says about itself: versions, host, seed, and the files it was made from."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.bench import Bench, Secrets
from testbed.bench.device import Device

from .file.rows import finite
from .resolved import resolved_bench


def about_host(bench: Bench) -> dict[str, Any]:
    """Return what a run records of the machine and the programs on it; asks git, in a process."""
    return {
        **_git(bench.file.resolve().parent),
        "host": {"name": platform.node(), "system": platform.platform(), "python": sys.version.split()[0]},
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "testbed": __version__,
        "versions": dict(sorted((d.name, d.version) for d in distributions() if d.name)),
    }


def start_metadata(
    bench: Bench, about: Mapping[str, Any], mode: str, emulated: list[str], seed: int
) -> dict[str, Any]:
    """Return what is known of a run before its first sample; `about` is that of `about_host`."""
    return {
        **{key: value for key, value in about.items() if key != "versions"},  # those are attached
        "mode": mode,
        "bench": bench.name,
        "bench_file": str(bench.file),
        "devices": {
            name: {
                "profile": device.profile.name,
                "wire": str(device.wire),
                "emulated": name in emulated,
                **(_firmware(device) if name in emulated else {}),
            }
            for name, device in bench.devices.items()
        },
        "expectations": [expectation.text for expectation in bench.expectations],
        "seed": seed,
    }


def _firmware(device: Device) -> dict[str, Any]:
    """Return which firmware answers for an emulated device; nothing when none does."""
    firmware = device.firmware
    if firmware is None or not firmware.image.is_file():
        return {}
    digest = hashlib.sha256(firmware.image.read_bytes()).hexdigest()
    return {"firmware": {"board": firmware.board, "image": firmware.image.name, "sha256": digest}}


def attachments(bench: Bench, about: Mapping[str, Any], seed: int) -> dict[str, bytes]:
    """Return what a run was made from, by name; `about` is that of `about_host`.

    The bench file, the profiles and the calibration data as they stand on disk (${NAME} is not filled
    in there) but for passwords, and as JSON the bench as it was resolved, and the programs that ran it.
    """
    files = {f"bench/{bench.file.name}": bench.file}
    for device in bench.devices.values():
        files[f"profiles/{device.profile.name}.yaml"] = Path(device.profile.document.file)
        for file in device.calibration:
            files[f"calibration/{device.name}/{_inside(bench, file)}"] = file
    secrets = Secrets(device.wire for device in bench.devices.values())
    attached = {name: secrets.redact_file(file.read_bytes()) for name, file in files.items()}
    for twin in bench.twins.values():
        # Not text: nothing may be replaced in them.
        for file in () if twin.model is None else twin.model.files():
            attached[f"bench/{file.relative_to(bench.file.parent).as_posix()}"] = file.read_bytes()
    if bench.text is not None:
        attached[f"bench/{bench.file.name}"] = secrets.redact_file(bench.text.encode())
    attached["bench/resolved.json"] = _json(finite(resolved_bench(bench, seed), secrets.redact))
    attached["environment.json"] = _json(about)
    return attached


def _inside(bench: Bench, file: Path) -> str:
    """Return the name of a file as seen from the bench file's folder, only its own if it lies elsewhere."""
    folder = bench.file.resolve().parent
    file = file.resolve()
    return (file.relative_to(folder) if file.is_relative_to(folder) else Path(file.name)).as_posix()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _git(folder: Path) -> dict[str, Any]:
    """Return the commit that the bench file belongs to, and whether tracked files differ from it."""
    commit = _output(folder, "rev-parse", "HEAD")
    changes = _output(folder, "status", "--porcelain", "--untracked-files=no") if commit else None
    return {"git_commit": commit or None, "git_dirty": None if changes is None else bool(changes)}


def _output(folder: Path, *command: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", *command], cwd=folder, capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
