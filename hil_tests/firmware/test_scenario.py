"""Firmware in its own time: a script gives the same bytes and the same edges on every run."""

import asyncio
import json
from pathlib import Path

import pytest

from hil_tests.system.processes import testbed
from testbed.bench import BenchFileError
from testbed.emulators.firmware.scenario import run_scenario

from .boards import ON_QEMU, built

SCRIPTS = Path(__file__).parent / "scenarios"


@pytest.mark.parametrize("board", [ON_QEMU])
async def test_a_script_gives_the_same_run_every_time(board):
    image = built(board, "thermistor")
    runs = [await run_scenario(image, SCRIPTS / "watchdog.yaml") for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    identity, cold, error, hot, still_hot, trips, uptime = runs[0].sent.decode().splitlines()
    assert identity.startswith("HIL-TESTBED,THERMISTOR-NODE")
    assert error == '0,"No error"'
    assert abs(float(cold) - 20) < 0.1
    assert abs(float(hot) - 20) < 0.1  # it was sampled before: the inputs are read 100 times a second
    assert abs(float(still_hot) - 60) < 0.1
    assert float(trips) == 1
    assert abs(float(uptime) - 3) < 0.05
    edges = [(name, round(value, 2)) for _, name, value in runs[0].driven]
    assert edges == [("heater", 50.0), ("heater", 75.5), ("heater", 0.0)]
    tripped = runs[0].driven[-1][0]
    assert 2.0 <= tripped < 2.011  # a second after the last command, seen at the next turn


@pytest.mark.parametrize("board", [ON_QEMU])
async def test_telemetry_is_byte_identical_too(board, tmp_path):
    script = tmp_path / "fan.yaml"
    script.write_text("lasts: 20 s\nsteps:\n  - {at: 1 s, set: {speed: 1500 rpm, current: 0.5 A}}\n")
    image = built(board, "fan")
    runs = await asyncio.gather(*(run_scenario(image, script) for _ in range(2)))
    assert runs[0] == runs[1]
    assert runs[0].sent.count(0) > 2000  # 100 frames a second, and two of the status


@pytest.mark.parametrize("board", [ON_QEMU])
def test_the_command_prints_one_json_object(board):
    done = testbed("firmware", "scenario", built(board, "thermistor"), SCRIPTS / "watchdog.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["driven"][0]["signal"] == "heater"


@pytest.mark.parametrize("board", [ON_QEMU])
async def test_a_wrong_script_is_an_error_with_its_line(board, tmp_path):
    script = tmp_path / "wrong.yaml"
    for text, message in (
        ("lasts: 1 s\nsteps:\n  - {at: 0 s, set: {temprature: 20}}\n", "did you mean 'temperature'"),
        ("lasts: 1 s\nsteps:\n  - {at: 0 s, send_hex: xyz}\n", "non-hexadecimal"),
        ("lasts: 2 h\nsteps: []\n", "at most 3600 s"),
        ("steps: []\n", "lacks the key 'lasts'"),
    ):
        script.write_text(text)
        with pytest.raises(BenchFileError, match=message):
            await run_scenario(built(board, "thermistor"), script)
