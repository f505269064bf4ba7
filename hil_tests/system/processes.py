"""The product as its user meets it: commands in processes of their own, on real wires."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testbed.errors import TestbedError
from testbed.session.file import SessionReader

ROOT = Path(__file__).parents[2]
RIG = ROOT / "benches" / "thermal-rig.yaml"
TESTBED = [sys.executable, "-m", "testbed"]


def wait_until(condition: Callable[[], object], what: str, within: float = 20.0) -> None:
    """Wait for something outside this process; fails with `what`."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.02)


def testbed(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*TESTBED, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, **options)


testbed.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test


@contextlib.contextmanager
def emulated(bench: Path, *only: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Emulate devices in a process; yields it and the wires."""
    command = [*TESTBED, "emulate", str(bench), "--json", "--only", ",".join(only) or "all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield process, {name: device["wire"] for name, device in told["devices"].items()}
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


def rewired(folder: Path, wires: dict[str, str], **changes: Any) -> Path:
    """Write the demo bench with other wires; devices without one are left out with all that names them."""
    bench = yaml.safe_load(RIG.read_text())
    bench.pop("plant")
    bench["devices"] = {
        name: {**device, "wire": wires[name]} for name, device in bench["devices"].items() if name in wires
    }
    gone = set(yaml.safe_load(RIG.read_text())["devices"]) - set(wires)

    def names_gone(value: object) -> bool:
        return any(f"{name}." in str(value) for name in gone)

    bench["loops"] = {name: loop for name, loop in bench["loops"].items() if not names_gone(loop)}
    bench["twins"] = {name: twin for name, twin in bench["twins"].items() if not names_gone(twin)}
    if bench["twins"].keys() != yaml.safe_load(RIG.read_text())["twins"].keys():
        bench.pop("guard")  # it looks ahead with them
    bench["expect"] = [text for text in bench["expect"] if not names_gone(text)]
    bench.update(changes)
    file = folder / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    return file


@dataclass
class RunningBench:
    """A `testbed run --json` under way."""

    process: subprocess.Popen[str]
    session: Path
    summary: dict[str, Any] | None = None

    def finish(self) -> dict[str, Any]:
        """Wait for its end; returns the object on its last line."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        self.process.wait(60)
        self.summary = json.loads(output.splitlines()[-1])
        return self.summary


def _begun(session: Path) -> bool:
    """Whether the file is there and has been laid out: for a moment it is none that can be read."""
    try:
        with SessionReader(session):
            return True
    except TestbedError:
        return False


@contextlib.contextmanager
def running(bench: Path, session: Path, *options: str, **popen: Any) -> Iterator[RunningBench]:
    """Start a run; yields it once its session file is there."""
    command = [*TESTBED, "run", str(bench), "--json", "--session", str(session), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
    ) as process:
        try:
            wait_until(lambda: _begun(session) or process.poll() is not None, "the session file")
            yield RunningBench(process, session)
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
