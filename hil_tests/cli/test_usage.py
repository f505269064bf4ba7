"""Wrong usage: an exit code that says whose fault it is, a line that says what to do, never a trace."""

import os
import re
import subprocess
import sys

import pytest

from hil_tests.system.processes import RIG, testbed
from testbed import __version__

from .inside import run_inside


def test_the_version_is_told():
    result = testbed("--version")
    assert (result.returncode, result.stdout.strip()) == (0, f"testbed {__version__}")


def test_the_installed_script_is_the_same_as_the_module():
    script = os.path.join(os.path.dirname(sys.executable), "testbed")
    result = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, testbed("--version").stdout)


def test_help_names_every_command():
    result = testbed("--help")
    assert result.returncode == 0
    commands = "run emulate check schema new scan doctor sessions show export"
    assert set(commands.split()) <= set(re.findall(r"^  (\w+) ", result.stdout, re.M))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "Usage"),
        ("frobnicate", "No such command 'frobnicate'"),
        ("run", "Missing argument"),
        ("run BENCH --frobnicate", "No such option"),
        ("run BENCH --for", "requires an argument"),
        ("run BENCH --for soon", "--for soon: 'soon' is no quantity"),
        ("run BENCH --for 5m", "'m' is another quantity"),
        ("run BENCH --for 3kg", "'kg' is another quantity"),
        ("run BENCH --for 0s", "not a time that a run could last"),
        ("run BENCH --for=-1s", "not a time that a run could last"),
        ("run BENCH --for 1e400s", "not a time that a run could last"),
        ("run BENCH --for nan", "'nan' is no quantity"),
        ("run BENCH --seed x", "should be a valid integer"),
        ("run BENCH --emulate nix", "cannot emulate 'nix': the bench has no such device"),
        ("run BENCH --emulate ,", "names no device to emulate"),
        ("run nowhere.yaml --for 1s", "nowhere.yaml:1:1: cannot be read: No such file"),
        ("emulate nowhere.yaml", "nowhere.yaml:1:1: cannot be read: No such file"),
        ("emulate BENCH --only probe,nix", "choose from all, chamber, probe, fan, air, vent"),
        ("emulate BENCH --only ,", "names no device to emulate"),
        ("scan", "Usage"),
        ("scan modbus", "Missing argument"),
        ("scan modbus nonsense", "'nonsense' is not a wire"),
        ("scan modbus serial:///dev/ttyUSB0", "cannot be scanned this way"),
        ("scan modbus modbus+tcp://127.0.0.1:99999", "Port out of range"),
        ("scan modbus modbus+tcp://127.0.0.1:1 --units 9-1", "the first before the last"),
        ("scan modbus modbus+tcp://127.0.0.1:1 --units x", "no range of units"),
        ("scan mqtt nonsense", "'nonsense' is not a wire"),
        ("scan mqtt mqtt://127.0.0.1:1?tls=maybe", "tls=maybe is neither on nor off"),
        ("scan ble --for 0", "should be greater than or equal to 0.1"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_2_and_says_what_to_mend(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    command = [str(RIG) if word == "BENCH" else word for word in arguments.split()]
    result = run_inside(monkeypatch, capsys, *command)
    assert result.returncode == 2, result
    assert words in re.sub(r"\s+", " ", result.stderr + result.stdout), result
    assert "Traceback" not in result.stderr + result.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_empty_name_never_sends_a_run_to_the_real_devices(tmp_path):
    """As `--emulate "$WHICH"` would, in a script whose variable is empty."""
    result = testbed("run", RIG, "--emulate", "", "--for", "1s", cwd=tmp_path)
    assert result.returncode == 2
    assert "'' names no device to emulate" in result.stderr


def test_an_existing_recording_is_not_overwritten(tmp_path):
    session = tmp_path / "friday.session"
    session.write_bytes(b"a recording")
    result = testbed("run", RIG, "--for", "1s", "--json", "--session", session)
    assert result.returncode == 2
    assert f"{session} exists already, and no recording is ever overwritten" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert session.read_bytes() == b"a recording"


@pytest.mark.parametrize("place", ["file/run.session", "/proc/run.session"])
def test_a_place_that_cannot_be_recorded_to_is_told_before_anything_is_driven(tmp_path, place):
    (tmp_path / "file").write_text("no folder")
    result = testbed("run", RIG, "--for", "1s", "--session", tmp_path / place)
    assert result.returncode == 2
    assert f"cannot record to {tmp_path / place}" in result.stderr
    assert "offline" not in result.stderr  # no wire was tried
    assert "Traceback" not in result.stderr


def test_doctor_lists_every_part_with_its_use_and_how_to_get_it():
    import json

    result = testbed("doctor", "--json")
    told = json.loads(result.stdout)
    parts = {part["part"]: part for part in told["parts"]}
    assert {"pymodbus", "bleak", "aiomqtt", "dbus-daemon", "mosquitto", "serial ports"} <= set(parts)
    assert parts["pymodbus"]["found"]
    missing = [part for part in told["parts"] if part["needed"] and not part["found"]]
    assert told["ok"] is (not missing)
    assert result.returncode == (1 if missing else 0)
    assert all(part["get"] for part in missing)


def test_doctor_says_how_to_get_what_is_missing(tmp_path):
    """An empty PATH has no dbus-daemon; where the system keeps it in sbin, nothing is missing."""
    result = testbed("doctor", env={**os.environ, "PATH": str(tmp_path)})
    line = next(line for line in result.stdout.splitlines() if line.startswith("dbus-daemon"))
    assert result.returncode == (1 if "missing" in line else 0)
    assert ("missing" in line) is ("apt-get install dbus-daemon" in line)
