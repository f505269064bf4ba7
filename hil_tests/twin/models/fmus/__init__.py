"""FMUs that the tests make: one in C, two in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
ROOT = _HERE.parents[3]


def build(folder: Path, file: Path) -> Path:
    """Compile an FMU from a folder, as a user would."""
    subprocess.run([sys.executable, ROOT / "tools/build-fmu", folder, "-o", file], check=True)
    return file


def chamber(folder: Path) -> Path:
    """Return the FMU of benches/chamber-fmu, FMI 3.0, compiled; for co-simulation and model exchange."""
    return build(ROOT / "benches/chamber-fmu", folder / "chamber.fmu")


def counter(folder: Path, **can: Any) -> Path:
    """Return an FMU of FMI 2.0 for co-simulation that cannot be copied; its usual step is 0.5 s."""
    from pythonfmu.builder import FmuBuilder

    return Path(FmuBuilder.build_FMU(_HERE / "counter.py", dest=folder, **can))


def ball(folder: Path, **can: Any) -> Path:
    """Return an FMU of FMI 3.0 for model exchange that has events; it can be copied if `can` says so."""
    from pythonfmu3.builder import FmuBuilder

    return Path(FmuBuilder.build_FMU(_HERE / "ball.py", dest=folder, **can))
