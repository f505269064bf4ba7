"""A disk that takes no more: the bench is controlled on, the actuators end safe, nothing recorded is lost."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.session.file import SessionReader

from .processes import RIG, TESTBED, emulated, rewired, wait_until
from .test_safety import heater

LIMIT = 500_000  # bytes that a file of the run may have; the demo bench fills them in a few seconds


def limited() -> None:
    """Let no file of this process grow beyond LIMIT: what is written beyond fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


@dataclass
class FullDisk:
    """What a run left whose disk got full on the way."""

    session: Path
    code: int
    summary: dict[str, Any]
    errors: str
    kept: int
    duty_after: list[float]
    heater_at_end: tuple[float, bool]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullDisk]:
    """Run until the disk is full, look at the heater for a while then, and end with SIGTERM."""
    folder = tmp_path_factory.mktemp("full")
    session, told = folder / "run.session", folder / "told"
    with emulated(RIG, "chamber", "probe", "fan") as (_, wires), told.open("w") as errors:
        loops = yaml.safe_load(RIG.read_text())["loops"]
        loops = {
            "hold": {**loops["hold"], "setpoint": "30 degC"},
            "airflow": loops["airflow"],
        }  # soon reached
        bench = rewired(folder, wires, loops=loops, expect=["chamber.temperature stays below 85 degC"])
        command = [*TESTBED, "run", str(bench), "--json", "--session", str(session)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=limited
        ) as process:
            try:
                wait_until(lambda: "stopped" in told.read_text(), "recording stops", within=60)
                kept = samples(session)
                duty_after = watch(wires["chamber"], 1.5)
                process.terminate()
                output, _ = process.communicate(timeout=30)
            finally:
                process.kill()
        yield FullDisk(
            session, process.returncode, json.loads(output.splitlines()[-1]), told.read_text(),
            kept, duty_after, heater(wires["chamber"]),
        )  # fmt: skip


def samples(session: Path) -> int:
    with SessionReader(session) as reader:
        return sum(1 for _ in reader.samples())


def watch(wire: str, seconds: float) -> list[float]:
    """Return the heater's duty as the chamber has it, again and again."""
    seen, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.append(heater(wire)[0])
        time.sleep(0.05)
    return seen


def test_it_is_told_once_that_nothing_is_recorded_any_more(full):
    assert full.errors.count("stopped: ") == 1
    assert f"recording to {full.session} stopped: " in full.errors
    assert "all that was recorded before is kept" in full.errors
    assert "Traceback" not in full.errors


def test_the_loops_go_on_and_drive_the_heater(full):
    assert max(full.duty_after) > 0
    assert len(set(full.duty_after)) > 3  # the sensor's noise moves it with every cycle


def test_the_actuators_end_at_their_safe_values(full):
    assert full.heater_at_end == (0.0, False)
    assert "could not be brought to its safe value" not in full.errors


def test_the_verdict_is_that_of_the_run(full):
    assert (full.code, full.summary["verdict"]) == (0, "passed")


def test_everything_that_was_recorded_before_is_there_and_whole(full):
    assert full.kept > 100
    assert samples(full.session) >= full.kept
    assert full.summary["signals"]["probe.temperature"]["count"] > 10
    assert full.summary["frames"]["chamber"] > 10
    with SessionReader(full.session) as reader:
        passed = [frame for frame in reader.frames() if not frame.direction.is_mark]
        assert len(passed) == sum(full.summary["frames"].values())
        assert reader.meta()["bench"] == "thermal-rig"


def test_a_disk_that_is_full_from_the_start_is_told_before_anything_is_driven(tmp_path):
    with emulated(RIG, "chamber") as (_, wires):
        bench = rewired(tmp_path, wires, expect=[])
        command = [
            *TESTBED,
            "run",
            str(bench),
            "--json",
            "--for",
            "2s",
            "--session",
            str(tmp_path / "s.session"),
        ]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
        )  # fmt: skip
        assert heater(wires["chamber"]) == (0.0, False)
    assert result.returncode == 2, result
    assert result.stderr.startswith(f"testbed: cannot record to {tmp_path / 's.session'}: ")
    assert result.stdout == ""
    assert not (tmp_path / "s.session").exists()
