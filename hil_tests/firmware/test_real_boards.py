"""Flashing and resetting real boards, with tools and a relay that stand in for what is not plugged in."""

import json
import os
from pathlib import Path

import pytest
import serial
import yaml

from hil_tests.system.processes import emulated, testbed
from testbed.bench import load_bench
from testbed.session.resetting import reset_board

OPENOCD = {"tool": "openocd", "config": ["interface/stlink.cfg", "target/stm32f4x.cfg"], "image": "fan.elf"}
AVRDUDE = {"tool": "avrdude", "part": "atmega328p", "image": "fan.hex"}
ESPTOOL = {"tool": "esptool", "chip": "esp32c3", "baud": 460800, "address": 0x10000, "image": "fan.bin"}
PYOCD = {"tool": "pyocd", "target": "stm32f407vg", "image": "fan.hex"}


def bench_with(folder: Path, **board: object) -> Path:
    """Write a bench with one device on a real board, and one relay."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / "relay.yaml").write_text(
        "profile: relay\nprotocol: modbus\nsignals:\n"
        "  contact: {coil: 0, access: write, safe: 0}\n  closed: {coil: 0, rate: 10 Hz}\n"
    )
    bench = {
        "bench": "boards",
        "devices": {
            "fan": {
                "profile": "cobs/fan-node",
                "wire": f"serial://{folder}/ttyACM0?baud=115200",
                "board": board,
            },
            "relay": {"profile": "relay", "wire": "modbus+tcp://127.0.0.1:1502"},
        },
    }
    for suffix in ("elf", "hex", "bin"):
        (folder / f"fan.{suffix}").write_bytes(b"image")
    file = folder / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    return file


def fake_tool(folder: Path, name: str, code: int = 0) -> dict[str, str]:
    """Put a program on PATH that writes down its arguments; returns the environment with it."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    program = tools / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/said\necho flashing\nexit {code}\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("flash", "arguments"),
    [
        (
            OPENOCD,
            "-f interface/stlink.cfg -f target/stm32f4x.cfg -c program|{FOLDER/fan.elf}|verify|reset|exit",
        ),
        (AVRDUDE, "-p atmega328p -c arduino -P FOLDER/ttyACM0 -b 115200 -D -U flash:w:FOLDER/fan.hex:i"),
        (
            ESPTOOL,
            "--chip esp32c3 --port FOLDER/ttyACM0 --baud 460800 write_flash 0x10000 FOLDER/fan.bin",
        ),
        (PYOCD, "flash --target stm32f407vg FOLDER/fan.hex"),
    ],
)
def test_each_tool_is_called_as_its_maker_has_it(tmp_path, flash, arguments):
    bench = bench_with(tmp_path, flash=flash)
    done = testbed("flash", bench, "fan", env=fake_tool(tmp_path, flash["tool"]))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"fan was flashed by {flash['tool']}\n"
    assert "flashing" in done.stderr
    wanted = [word.replace("|", " ") for word in arguments.replace("FOLDER", str(tmp_path)).split(" ")]
    assert (tmp_path / "said").read_text().splitlines() == wanted


def test_a_dry_run_says_the_command_and_does_not_run_it(tmp_path):
    bench = bench_with(tmp_path, flash=PYOCD)
    env = fake_tool(tmp_path, "pyocd")
    done = testbed("flash", bench, "fan", "--dry-run", env=env)
    assert done.stdout == f"pyocd flash --target stm32f407vg {tmp_path}/fan.hex\n"
    done = testbed("flash", bench, "fan", "--dry-run", "--json", env=env)
    assert json.loads(done.stdout)["command"][0] == "pyocd"
    assert not (tmp_path / "said").exists()


def test_a_tool_that_fails_or_is_missing_is_told(tmp_path):
    bench = bench_with(tmp_path, flash=PYOCD)
    done = testbed("flash", bench, "fan", env=fake_tool(tmp_path, "pyocd", code=3))
    assert done.returncode == 4
    assert "fan was not flashed: pyocd ended with exit code 3" in done.stderr
    (tmp_path / "tools" / "pyocd").unlink()
    done = testbed("flash", bench, "fan", env={**os.environ, "PATH": str(tmp_path / "tools")})
    assert done.returncode == 2
    assert "pip install pyocd" in done.stderr


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ({"flash": {"tool": "openocd", "image": "fan.elf"}}, "openocd needs config:"),
        ({"flash": {**PYOCD, "image": "gone.hex"}}, "there is no image"),
        ({"flash": {**PYOCD, "tool": "jlink"}}, "openocd"),
        ({"reset": "dtr"}, "does not say how its board is flashed"),
        ({"flash": PYOCD, "reset": "cts"}, "'cts' is no way to reset a board"),
        ({"flash": PYOCD, "reset": "relay.kontact"}, "relay has no signal 'kontact'"),
        ({"flash": PYOCD, "reset": "relay.closed"}, "relay.closed cannot be written"),
    ],
)
def test_what_cannot_be_is_a_wrong_bench_file(tmp_path, board, message):
    done = testbed("flash", bench_with(tmp_path, **board), "fan", "--dry-run")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_reset_says_what_it_would_do(tmp_path):
    done = testbed("reset", bench_with(tmp_path, reset="rts"), "fan", "--dry-run")
    assert done.stdout == f"would assert RTS of {tmp_path}/ttyACM0 for 0.2 s\n"
    done = testbed("reset", bench_with(tmp_path, reset="relay.contact"), "fan", "--dry-run", "--json")
    assert json.loads(done.stdout)["plan"] == "set relay.contact to 1 for 0.2 s, then to 0"


def test_a_port_that_is_not_there_is_told(tmp_path):
    done = testbed("reset", bench_with(tmp_path, reset="dtr"), "fan")
    assert done.returncode == 4
    assert "cannot move DTR of" in done.stderr


@pytest.mark.parametrize("line", ["dtr", "rts", "break"])
async def test_a_modem_line_is_asserted_and_released_with_the_other_at_rest(tmp_path, monkeypatch, line):
    # No pty has modem lines: a port that writes down what is asked of it stands in for one that has.
    moves: list[tuple[str, object]] = []

    class Port:
        def __setattr__(self, name: str, value: object) -> None:
            moves.append((name, value))

        def open(self) -> None:
            moves.append(("open", True))

        def close(self) -> None:
            moves.append(("close", True))

    monkeypatch.setattr(serial, "Serial", Port)
    bench = load_bench(bench_with(tmp_path, reset=line), {})
    await reset_board(bench, "fan", lambda event: None)
    at_rest = [("rts", False), ("dtr", False)]
    assert sorted(moves[1:3]) == sorted(at_rest)
    moved = {"break": "break_condition"}.get(line, line)
    assert moves[3:] == [("open", True), (moved, True), (moved, False), ("close", True)]


def test_a_relay_is_pressed_and_let_go(tmp_path):
    bench = bench_with(tmp_path, reset="relay.contact")
    with emulated(bench, "relay") as (_, wires):
        text = bench.read_text().replace("modbus+tcp://127.0.0.1:1502", wires["relay"])
        bench.write_text(text)
        done = testbed("reset", bench, "fan", "--json")
        assert done.returncode == 0, done.stderr
        assert contacts(tmp_path, wires["relay"]) == [0]


def contacts(folder: Path, wire: str) -> list[float]:
    """Look at the relay for a moment with a run of its own; returns where its contact was."""
    bench = {"bench": "look", "devices": {"relay": {"profile": "relay", "wire": wire}}}
    file = folder / "look.yaml"
    file.write_text(yaml.safe_dump(bench))
    done = testbed("run", file, "--for", "1s", "--session", folder / "look.session", "--json")
    return [json.loads(done.stdout)["signals"]["relay.closed"]["last"]]
