"""The example runs wherever a bench can be: on emulated wires, in virtual time, in its recording."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .processes import RIG

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = Path(__file__).parent / "test_example.py"


def run(mode: str, sessions: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)]
    command += ["--bench", str(RIG), "--hil", mode, "--session-dir", str(sessions), "-o", "timeout=250"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_in_virtual_time_and_in_its_replay(tmp_path: Path) -> None:
    run("virtual", tmp_path)
    run("replay", tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.needs_system("mosquitto", "dbus-daemon")
def test_on_emulated_wires_and_in_the_replay_of_that(tmp_path: Path) -> None:
    run("emulated", tmp_path)
    run("replay", tmp_path)
