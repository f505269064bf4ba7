"""What a session file says about itself: versions, host, seed, and the files it was made from."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.bench import Bench


def about_host(bench: Bench) -> dict[str, Any]:
    """Return what a run records of the machine and the programs on it; asks git, in a process."""
    return {
        "git_commit": _git_commit(bench.file.resolve().parent),
        "host": {"name": platform.node(), "system": platform.platform(), "python": sys.version.split()[0]},
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "testbed": __version__,
        "versions": dict(sorted((d.name, d.version) for d in distributions() if d.name)),
    }


def start_metadata(bench: Bench, mode: str, emulated: list[str], seed: int) -> dict[str, Any]:
    """Return what is known of a run before its first sample."""
    return {
        "mode": mode,
        "bench": bench.name,
        "bench_file": str(bench.file),
        "devices": {
            name: {"profile": device.profile.name, "wire": str(device.wire), "emulated": name in emulated}
            for name, device in bench.devices.items()
        },
        "expectations": [expectation.text for expectation in bench.expectations],
        "seed": seed,
    }


def attachments(bench: Bench) -> dict[str, bytes]:
    """Return the bench file and the profiles as they stand on disk: ${NAME} is not filled in there."""
    files = {f"bench/{bench.file.name}": bench.file}
    for device in bench.devices.values():
        files[f"profiles/{device.profile.name}.yaml"] = Path(device.profile.document.file)
    return {name: file.read_bytes() for name, file in files.items()}


def _git_commit(folder: Path) -> str | None:
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
