"""`testbed scan`: what is there to talk to, and a plain word when there is nothing."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from hil_tests.system.processes import RIG, emulated, testbed
from testbed import __version__


@pytest.fixture(scope="module")
def wires():
    with emulated(RIG) as (_, served):
        yield served


def found(*arguments: str) -> list[dict[str, str]]:
    result = testbed("scan", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    told: list[dict[str, str]] = json.loads(result.stdout)["found"]
    return told


@pytest.mark.needs_system("dbus-daemon")
def test_modbus_finds_the_unit_that_answers_and_gives_its_wire(wires):
    wire = wires["chamber"].partition("?")[0]
    (unit,) = found("modbus", wire, "--units", "1-3")
    assert unit["wire"] == f"{wire}?unit=1"
    assert unit["what"].startswith(f"unit 1 answers: hil-testbed modbus/thermal-chamber {__version__} (")


@pytest.mark.needs_system("dbus-daemon")
def test_modbus_says_when_no_unit_answers(wires):
    wire = wires["chamber"].partition("?")[0]
    result = testbed("scan", "modbus", wire, "--units", "7")
    assert (result.returncode, result.stdout) == (0, "")
    assert f"no unit of 7 answers on {wire}" in result.stderr


@pytest.mark.needs_system("dbus-daemon")
def test_mqtt_hears_what_the_network_server_publishes(wires):
    place = urlsplit(wires["vent"])
    topics = found("mqtt", f"mqtt://{place.netloc}", "--for", "5")
    up = [each for each in topics if each["wire"].endswith("/event/up")]
    assert len(up) == 1
    assert place.path.split("/")[2] in up[0]["wire"]


@pytest.mark.needs_system("dbus-daemon")
def test_ble_hears_the_sensor_and_gives_the_wire_to_write_down(wires):
    bus = parse_qs(urlsplit(wires["air"]).query)["bus"][0]
    heard = found("ble", "--bus", bus, "--for", "2")
    assert [each["wire"] for each in heard] == [f"ble://C0:FF:EE:00:00:01?bus={bus}"]
    assert "HIL Air" in heard[0]["what"]
    assert "0x181A" in heard[0]["what"]
    again = found("ble", "--bus", bus, "--for", "1", "--name", "HIL*", "--service", "181A")
    assert [each["wire"] for each in again] == [each["wire"] for each in heard]


def test_serial_lists_ports_by_a_name_that_can_be_written_down():
    assert all(each["wire"].startswith("serial:///dev/") for each in found("serial"))


@pytest.mark.parametrize(
    "arguments",
    [
        "modbus modbus+tcp://127.0.0.1:1 --units 1-3",
        "modbus modbus+rtu:///dev/no-such-port --units 1-3",
        "mqtt mqtt://127.0.0.1:1 --for 1",
        "ble --bus unix:path=/nowhere --for 1",
    ],
)
def test_a_wire_that_cannot_be_reached_exits_4_with_one_clear_line(arguments):
    result = testbed("scan", *arguments.split())
    assert result.returncode == 4
    assert result.stdout == ""
    assert result.stderr.startswith("testbed: cannot ")
    assert "Traceback" not in result.stderr
