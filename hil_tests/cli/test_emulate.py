"""`testbed emulate`: the devices alone, as another program meets them; nothing is left when it ends."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import serial
from pymodbus.client import ModbusTcpClient

from hil_tests.system.processes import RIG, TESTBED, emulated, testbed, wait_until

SCHEMES = {
    "chamber": "modbus+tcp",
    "probe": "serial",
    "fan": "serial",
    "air": "ble",
    "vent": "chirpstack+mqtt",
}


def children(process: int) -> set[int]:
    """Return the processes below `process`, theirs too."""
    found: set[int] = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | children(child)
    return found


def gone(process: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return True


def ask(port: str, line: bytes) -> str:
    with serial.Serial(port, 115200, timeout=5) as instrument:
        instrument.write(line)
        return instrument.readline().decode()


@pytest.fixture(scope="module")
def wires() -> Iterator[dict[str, str]]:
    """All devices of the demo bench are served; yields their wires."""
    with emulated(RIG) as (_, served):
        yield served


@pytest.mark.needs_system("dbus-daemon")
def test_every_device_gets_a_wire_of_its_own_kind(wires):
    assert {name: wire.partition("://")[0] for name, wire in wires.items()} == SCHEMES
    assert list(wires) == list(SCHEMES)  # in the order of the bench file
    assert len(set(wires.values())) == 5


@pytest.mark.needs_system("dbus-daemon")
def test_the_instrument_answers_a_plain_terminal(wires):
    port = urlsplit(wires["probe"]).path
    assert ask(port, b"*IDN?\n").startswith("HIL-TESTBED,TH-100")
    assert 0 < float(ask(port, b"MEAS:TEMP?\n")) < 60


@pytest.mark.needs_system("dbus-daemon")
def test_the_chamber_answers_another_modbus_client(wires):
    port = urlsplit(wires["chamber"]).port
    with ModbusTcpClient("127.0.0.1", port=port) as client:
        registers = client.read_input_registers(0, count=2, device_id=1).registers
        assert 0 < client.convert_from_registers(registers, client.DATATYPE.FLOAT32) < 60


@pytest.mark.needs_system("dbus-daemon")
def test_the_bluetooth_device_lies_on_a_bus_that_is_there(wires):
    bus = parse_qs(urlsplit(wires["air"]).query)["bus"][0]
    assert Path(bus.removeprefix("unix:path=")).is_socket()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.needs_system("dbus-daemon")
def test_it_ends_with_0_and_leaves_no_folder_and_no_process(tmp_path, number):
    """With one JSON line on stdout and nothing else, however long it served."""
    command = [*TESTBED, "emulate", str(RIG), "--json"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        helpers = children(process.pid)
        folders = list(tmp_path.iterdir())
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
    assert list(told) == ["devices"]
    assert set(told["devices"]) == set(SCHEMES)
    assert all(list(device) == ["wire"] for device in told["devices"].values())
    assert (process.returncode, rest, errors) == (0, "", "")
    assert helpers  # a dbus-daemon at least
    wait_until(lambda: all(map(gone, helpers)), "dbus-daemon and broker have ended")
    assert folders
    assert list(tmp_path.iterdir()) == []


def test_only_the_named_are_emulated_each_once_and_people_get_plain_lines():
    command = [*TESTBED, "emulate", str(RIG), "--only", "probe,fan,probe"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.terminate()
        rest, _ = process.communicate(timeout=30)
    assert [line.split()[0] for line in lines] == ["probe", "fan"]
    assert all(line.split()[1].startswith("serial:///") for line in lines)
    assert (process.returncode, rest) == (0, "")


def test_what_cannot_be_emulated_is_named_and_does_not_keep_the_others_from_answering(tmp_path):
    """A machine without dbus-daemon: its PATH is empty."""
    command = [*TESTBED, "emulate", str(RIG), "--only", "probe,air", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": str(tmp_path)}
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        answer = ask(urlsplit(told["devices"]["probe"]["wire"]).path, b"*IDN?\n")
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert list(told["devices"]) == ["probe"]
    assert "dbus-daemon" in told["failed"]["air"]
    assert answer.startswith("HIL-TESTBED")
    assert "air cannot be emulated" in errors
    assert "Traceback" not in errors


def test_when_nothing_can_be_emulated_it_ends_with_4(tmp_path):
    result = testbed("emulate", RIG, "--only", "air", env={"PATH": str(tmp_path)})
    assert result.returncode == 4
    assert "apt-get install dbus-daemon" in result.stderr
    assert "Traceback" not in result.stderr
