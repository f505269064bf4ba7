"""Tries an FMU in a process of its own: it is foreign machine code, and may bring down who runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from .failure import FmuFailed

_TRY = r"""
import sys
from pathlib import Path
from testbed.errors import TestbedError
from testbed.twin.models.fmu import fmu_of_bench
try:
    model = fmu_of_bench({}, Path(sys.argv[1]), kind=sys.argv[2] or None)
    inputs = tuple(each.nominal for each in model.INPUTS)
    state = model.begin((float("nan"),) * len(model.OUTPUTS), inputs)
    model.output(model.step(state, inputs, float(sys.argv[3])), inputs)
except (TestbedError, ValueError) as error:
    sys.exit(f"{error.args[0]}\t{getattr(error, 'next_step', '')}")
"""


def try_out(path: Path, kind: str | None = None, *, seconds: float = 0.01, patience: float = 30.0) -> None:
    """Start an FMU and let it step once, outside this process.

    Raises FmuFailed when it crashes, fails, or does not come back within `patience` s.
    """
    command = [sys.executable, "-c", _TRY, str(path), kind or "", str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise FmuFailed(f"{path.name} does not come back from a step within {patience:g} s") from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise FmuFailed(
            f"{path.name} crashes ({name}) before its first step is done", "run it in its own tool first"
        )
    if done.returncode:
        told, _, hint = done.stderr.strip().partition("\t")
        raise FmuFailed(told or f"{path.name} does not start", hint)
