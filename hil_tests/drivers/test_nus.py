"""Streams of bytes over Bluetooth LE, by Nordic's UART Service: the drivers of serial lines, unchanged."""

from dataclasses import replace

import pytest

from hil_tests.support import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from hil_tests.support.profiles import profile_of
from testbed.bench.wires import parse_wire
from testbed.clock import VirtualClock
from testbed.drivers.scpi import ScpiDriver
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.testing.contract import CommandContract

SUPPLY = profile_of("""
profile: test/power-supply
protocol: scpi
identity: "ACME,PS-1,42,1.0"
timeout: 0.5 s
signals:
  output_voltage: {query: "MEASure:VOLTage?", unit: V, rate: 20 Hz}
  voltage: {set: "SOURce:VOLTage {value}", unit: V, access: write, limits: [0, 30], safe: 0}
""")
WIRE = "nus://C0:FF:EE:00:00:01"

pytestmark = pytest.mark.needs_system("dbus-daemon")


class TestPowerSupplyOverTheAir(CommandContract):
    profile = SUPPLY
    wire = WIRE
    readable, value = "output_voltage", 12.000125
    writable, wanted = "voltage", 3.3
    within = 10.0

    def absent_wire(self, emulated: Emulated) -> str:
        return f"nus://C0:FF:EE:00:00:99?bus={emulated['dut'].device.wire.option('bus', '')}"

    # As of every Bluetooth device, see test_ble.py.
    test_given_no_device_then_the_driver_keeps_trying_and_complains_once = None  # type: ignore[assignment]


async def test_what_is_recorded_are_the_bytes_of_the_stream() -> None:
    async with emulate(make_device(SUPPLY, WIRE)) as emulated, run_driver(emulated["dut"].device) as log:
        await eventually(lambda: log.good("output_voltage"), "a value")
        sent = b"".join(data for _, way, data in log.frames if way is Direction.TX)
        heard = b"".join(data for _, way, data in log.frames if way is Direction.RX)
    assert b"MEASURE:VOLTAGE?" in sent.upper()
    assert b"ACME,PS-1,42,1.0" in heard


async def test_a_device_without_the_service_says_what_it_is_reached_over() -> None:
    sensor = make_device("ble/environmental-sensing", WIRE.replace("nus", "ble"))
    async with emulate(sensor) as emulated:
        wire = f"{WIRE}?bus={emulated['dut'].device.wire.option('bus', '')}"
        device = replace(make_device(SUPPLY, WIRE), wire=parse_wire(wire))
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: log.events, "a complaint")
            assert "has no Nordic UART Service" in log.events[0].text
            assert "ble://" in log.events[0].text


def test_a_wire_that_names_nobody_is_refused() -> None:
    with pytest.raises(UsageError, match="nus:// says of no device which it is"):
        ScpiDriver(make_device(SUPPLY, "nus://"), DriverLog(VirtualClock()).context())
