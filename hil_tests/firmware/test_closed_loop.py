"""The shipped bench with firmware in its loops, as its user runs it; and what outlives its controller."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
import yaml

from hil_tests.system.processes import ROOT, emulated, running, testbed, wait_until

from .boards import built

BENCH = ROOT / "benches" / "firmware-in-the-loop.yaml"
pytestmark = pytest.mark.needs_system("arm-none-eabi-gcc", "qemu-system-arm")


@pytest.fixture(autouse=True)
def _images():
    built("mps2-an385", "fan")


def on_wires(folder: Path, wires: dict[str, str], **changes: object) -> Path:
    """Write the bench with the wires at which its devices are emulated already."""
    bench = yaml.safe_load(BENCH.read_text())
    for name, device in bench["devices"].items():
        device.pop("emulate", None)
        device["wire"] = wires[name]
    bench.pop("plant")
    bench.update(changes)
    file = folder / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    return file


def last(session: Path, signal_: str) -> float | None:
    """Return what a signal said last in a session that is being written."""
    done = testbed("show", session, "--json")
    if done.returncode:
        return None
    return json.loads(done.stdout)["signals"].get(signal_, {}).get("last")


def events(session: Path, kind: str) -> list[str]:
    """Return what a session was told of one kind."""
    with contextlib.closing(sqlite3.connect(f"file:{session}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT text FROM events WHERE kind = ? ORDER BY time_ns", (kind,))
        return [row[0] for row in rows]


def recorded_devices(session: Path) -> dict[str, dict[str, object]]:
    """Return what a session says of its devices."""
    with contextlib.closing(sqlite3.connect(f"file:{session}?mode=ro", uri=True)) as database:
        return json.loads(database.execute("SELECT value FROM meta WHERE key = 'devices'").fetchone()[0])


def reasons(session: Path, device: str, name: str) -> list[str]:
    """Return why a signal was not good."""
    query = (
        "SELECT reason FROM reasons JOIN signals ON signals.id = signal "
        "WHERE device = ? AND name = ? AND quality <> 0 AND reason <> ''"
    )
    with contextlib.closing(sqlite3.connect(f"file:{session}?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute(query, (device, name))]


def test_loops_hold_through_firmware_and_its_console_stands_in_the_session(tmp_path):
    session = tmp_path / "run.session"
    done = testbed("run", BENCH, "--emulate", "all", "--for", "15s", "--session", session, "--json")
    assert done.returncode in (0, 1), done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert abs(summary["signals"]["probe.temperature"]["last"] - 60) < 2
    assert abs(summary["signals"]["fan.speed"]["last"] - 1500) < 100
    assert summary["signals"]["fan.watchdog_trips"]["last"] == 0
    assert summary["signals"]["probe.heater"]["last"] == 0  # safe at the end
    assert "fan: boot: cobs/fan-node, power on" in events(session, "console")
    image = built("mps2-an385", "fan")
    assert recorded_devices(session)["fan"]["firmware"] == {
        "board": "mps2-an385",
        "image": "fan.bin",
        "sha256": hashlib.sha256(image.read_bytes()).hexdigest(),
    }
    assert "firmware" not in recorded_devices(session)["chamber"]


def test_when_the_controller_is_killed_the_firmware_brings_heater_and_fan_to_safety(tmp_path):
    with emulated(BENCH) as (_, wires):
        first = tmp_path / "first.session"
        with running(on_wires(tmp_path, wires), first) as run:
            wait_until(lambda: (last(first, "probe.heater") or 0) > 5, "the heater heats")
            wait_until(lambda: abs((last(first, "fan.pwm") or 30) - 30) > 5, "the fan driven")
            os.kill(run.process.pid, signal.SIGKILL)
            run.process.wait()
        # A second run that only looks: no loops, so nobody commands but the end of the run.
        second = tmp_path / "second.session"
        with running(on_wires(tmp_path, wires, loops={}, expect=[], twins={}), second, "--for", "4s") as run:
            summary = run.finish()
    for node in ("probe", "fan"):
        assert summary["signals"][f"{node}.watchdog_trips"]["last"] == 1
        assert summary["signals"][f"{node}.boot_reason"]["last"] == 0  # it never started anew
    # 30 % of 3000 rpm: the safe drive, though this run had commanded nothing yet.
    assert abs(summary["signals"]["fan.speed"]["last"] - 900) < 60


def test_faults_of_the_bench_file_happen_at_their_times_and_are_told(tmp_path):
    bench = yaml.safe_load(BENCH.read_text())
    for device in bench["devices"].values():
        if "emulate" in device:
            device["emulate"]["image"] = str((BENCH.parent / device["emulate"]["image"]).resolve())
    bench["faults"] = [
        {"device": "fan", "fault": "hang", "at": "2 s", "for": "1 s"},
        {"device": "probe", "fault": "reset", "at": "2500 ms"},
    ]
    bench["expect"] = []
    file = tmp_path / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    session = tmp_path / "run.session"
    done = testbed("run", file, "--emulate", "all", "--for", "7s", "--session", session, "--json")
    assert done.returncode == 0, done.stderr
    told = events(session, "fault")
    assert [text.split(":")[0] for text in told] == ["hang at fan", "reset at probe", "hang at fan"]
    assert "mended" in told[2]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert reasons(session, "fan", "speed") != []  # its silence was noticed
    assert summary["signals"]["probe.boot_reason"]["last"] == 1


def test_what_is_missing_is_said_with_the_way_to_get_it(tmp_path):
    bench = yaml.safe_load(BENCH.read_text())
    bench["devices"]["fan"]["emulate"]["image"] = "nowhere.bin"
    bench["devices"]["probe"]["emulate"] = {"firmware": "mps2", "image": str(built("mps2-an385", "fan"))}
    file = tmp_path / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    done = testbed("emulate", file, "--only", "fan,probe")
    assert done.returncode == 4
    assert "nowhere.bin" in done.stderr
    assert "make firmware" in done.stderr
    assert "no board is called 'mps2': known: atmega328p, host, mps2-an385" in done.stderr


def test_without_qemu_the_error_says_how_to_install_it(tmp_path):
    path = os.environ | {"PATH": str(tmp_path)}
    done = testbed("emulate", BENCH, "--only", "fan", env=path)
    assert done.returncode == 4
    assert "apt-get install qemu-system-arm" in done.stderr


def test_firmware_says_that_it_has_no_virtual_time():
    done = testbed("run", BENCH, "--virtual", "--for", "1s", "--json")
    assert done.returncode == 4
    assert "firmware runs in real time only" in done.stderr


def test_nothing_is_left_running_when_the_emulator_is_killed(tmp_path):
    def machines() -> str:
        return subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True).stdout

    with emulated(BENCH, "fan") as (process, wires):
        name = wires["fan"].split("//")[1].split("?")[0].rsplit("/", 1)[0]
        assert name in machines()
        process.kill()
        process.wait()
        wait_until(lambda: name not in machines(), "QEMU gone")
