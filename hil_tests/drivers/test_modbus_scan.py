"""A scan of a Modbus wire: who is there, and what each says that it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymodbus import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer

from hil_tests.support import emulate, make_device
from hil_tests.support.modbus_scripts import tcp_script
from testbed import __version__
from testbed.bench.wires import Wire, parse_wire
from testbed.clock import SystemClock
from testbed.drivers.modbus.scan import Heard, scan_units

from .test_modbus import free_port, simulated


async def scanned(wire: Wire, *units: int) -> list[Heard]:
    clock = SystemClock()
    try:
        return [heard async for heard in scan_units(wire, units, clock)]
    finally:
        clock.close()


async def test_a_device_of_pymodbus_says_what_it_is() -> None:
    about = {0x00: "ACME", 0x01: "TC-2", 0x02: "V1.4", 0x05: "Mark II"}
    port = free_port()
    identity = ModbusDeviceIdentification(info=about)
    server = ModbusTcpServer(simulated(), address=("127.0.0.1", port), identity=identity)
    await server.serve_forever(background=True)
    try:
        heard = await scanned(parse_wire(f"modbus+tcp://127.0.0.1:{port}"), 1)
    finally:
        await server.shutdown()
    assert heard == [Heard(1, True, "ACME TC-2 Mark II V1.4")]


@pytest.mark.parametrize(
    "wire",
    [
        "modbus+tcp://h:1?unit=3",
        "modbus+rtu:///dev/ttyUSB0?unit=3&parity=N",
        "modbus+ascii:///dev/ttyUSB0?unit=3&parity=N",
        "modbus+rtu+tcp://h:1?unit=3",
    ],
)
async def test_our_devices_say_what_they_are_on_every_wire(wire: str) -> None:
    device = make_device("modbus/thermal-chamber", wire)
    async with emulate(device) as emulated:
        heard = await scanned(emulated["dut"].device.wire, 2, 3)
    assert heard[0] == Heard(2, False, "")
    assert heard[1][:2] == (3, True)
    assert heard[1].identity.startswith(f"hil-testbed modbus/thermal-chamber {__version__} (Thermal chamber")


async def test_a_device_that_knows_no_identification_is_there_all_the_same(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device):
        script.answer = lambda pdu: [bytes((pdu[0] | 0x80, 1))]
        assert await scanned(device.wire, 1) == [Heard(1, True, "")]


async def test_a_device_that_promises_more_for_ever_is_left(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device):
        script.answer = lambda pdu: [bytes.fromhex(f"2b0e {pdu[2]:02x} 02 ff 00 01 00 02 4142")]
        assert await scanned(device.wire, 1) == [Heard(1, True, "AB")]
