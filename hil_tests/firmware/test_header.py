"""Driver and firmware are made from one profile, so they change together; what cannot be is refused."""

import shutil
from pathlib import Path

import pytest
import yaml

from hil_tests.support import eventually, make_device, run_driver
from hil_tests.system.processes import testbed
from testbed.bench import BenchFileError
from testbed.bench.profile import SHIPPED, load_profile
from testbed.emulators.firmware.header import make_header
from testbed.emulators.firmware.node import load_node
from testbed.errors import UsageError

from .boards import ON_HOST, PROFILES, STUBS, built, firmware, last, make


def node_with(folder: Path, node: str, change) -> Path:
    """Copy a node and its profile, the profile changed by `change(spec)`; returns the node file."""
    profile = yaml.safe_load((SHIPPED / f"{PROFILES[node]}.yaml").read_text())
    change(profile)
    protocol = folder / "profiles" / profile["protocol"]
    protocol.mkdir(parents=True, exist_ok=True)
    name = f"{profile['protocol']}/own-{node}"
    (protocol / f"own-{node}.yaml").write_text(yaml.safe_dump(profile))
    spec = yaml.safe_load((STUBS / "nodes" / f"{node}.yaml").read_text())
    file = folder / f"{node}.yaml"
    file.write_text(yaml.safe_dump({**spec, "profile": name}))
    return file


@pytest.mark.parametrize("board", [ON_HOST])
async def test_a_changed_profile_changes_driver_and_firmware_together(board, tmp_path):
    def change(profile):
        profile["crc"] = "crc16-modbus"
        signals = profile["signals"]
        signals["speed"].update(offset=3, type="int16", scale=0.5)
        signals["current"].update(offset=1, scale=0.0001)
        signals["pwm"].update(command=0x33, type="uint8", scale=0.5)

    stubs = tmp_path / "stubs"
    shutil.copytree(STUBS, stubs, ignore=shutil.ignore_patterns("build", "nodes"))
    node_with(stubs / "nodes", "fan", change)
    done = make("-C", str(stubs), "BOARDS=host", "NODES=fan")
    assert done.returncode == 0, done.stdout + done.stderr
    profile = load_profile(stubs / "nodes" / "profiles" / "cobs" / "own-fan.yaml")
    image = stubs / "build" / "host" / "fan"
    async with firmware("host", "fan", image=image, profile=profile) as node, run_driver(node.device) as log:
        node.store.set("speed", 1234.0)
        node.store.set("current", 0.4321)
        await eventually(lambda: abs(last(log, "speed") - 1234) <= 0.5, "the speed")
        assert abs(last(log, "current") - 0.4321) <= 0.0001
        command = log.command("pwm", 42.5)
        await eventually(lambda: command.done_ns, "the command settled")
        assert command.outcome == "acknowledged"
        await eventually(lambda: abs(node.store.read("pwm") - 42.5) < 0.01, "the pin")


@pytest.mark.parametrize("board", [ON_HOST])
def test_the_header_that_was_built_in_is_the_one_that_the_profile_makes_today(board):
    for node in PROFILES:
        built(board, node)
        made = make_header(load_node(STUBS / "nodes" / f"{node}.yaml"))
        assert (STUBS / "build" / "nodes" / node / "profile.h").read_text() == made


def test_make_makes_it_anew_when_a_profile_has_changed():
    changed = "--what-if=../testbed/bench/profiles/cobs/fan-node.yaml"
    done = make("--dry-run", changed, "BOARDS=host")
    assert "firmware header nodes/fan.yaml" in done.stdout


@pytest.mark.parametrize(
    ("node", "signal", "address", "message"),
    [
        ("fan", "watchdog_trips", {"type": "uint64"}, "watchdog_trips: this firmware has no uint64"),
        ("heater", "heartbeat", {"holding": None, "type": None, "coil": 3}, "this firmware has no coil"),
        ("thermistor", "temperature", {"query": "MEAS:TEMP? CH1"}, "knows no parameters but the value"),
    ],
)
def test_what_the_firmware_cannot_do_is_refused_with_its_line(tmp_path, node, signal, address, message):
    def change(profile):
        spec = profile["signals"][signal]
        spec.update(address)
        profile["signals"][signal] = {key: value for key, value in spec.items() if value is not None}

    file = node_with(tmp_path, node, change)
    with pytest.raises(BenchFileError, match=message) as caught:
        make_header(load_node(file))
    assert caught.value.problems[0].line > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": {}}, "nothing in the node file gives speed"),
        ({"inputs": {"sped": {"adc": 0, "range": [0, 1]}}}, "did you mean 'speed'"),
        ({"outputs": {"speed": {"pwm": 0}}}, "no writable signal 'speed'"),
        ({"outputs": {"pwm": {"pwm": 0}, "heartbeat": {"pwm": 0}}}, "PWM 0 already drives heartbeat"),
        ({"watchdog": "1 ms"}, "watchdog must be 20 ms to 1000 s"),
        ({"profile": "cobs/fan-nod"}, "did you mean 'cobs/fan-node'"),
        ({"inputs": {"speed": {"adc": 0}}}, "needs range"),
        ({"profile": "ble/environmental-sensing", "inputs": {}, "outputs": {}}, "speaks cobs, scpi, modbus"),
    ],
)
def test_a_wrong_node_file_is_an_error_with_the_nearest_right_name(tmp_path, change, message):
    spec = yaml.safe_load((STUBS / "nodes" / "fan.yaml").read_text())
    file = tmp_path / "fan.yaml"
    file.write_text(yaml.safe_dump({**spec, **change}))
    with pytest.raises(BenchFileError, match=message):
        make_header(load_node(file))


def test_a_node_file_that_is_not_there_is_told_with_what_makes_it(tmp_path):
    with pytest.raises(UsageError, match="make firmware"):
        load_node(tmp_path / "fan.yaml")


def test_the_command_prints_the_header():
    done = testbed("firmware", "header", STUBS / "nodes" / "fan.yaml")
    assert done.stdout == make_header(load_node(STUBS / "nodes" / "fan.yaml"))


def test_every_shipped_node_declares_a_device_that_a_driver_takes():
    for profile in PROFILES.values():
        assert make_device(profile, "serial:///dev/ttyACM0").signals["watchdog_trips"]
