"""Bits of a register (mask write, 22) and commands that are read back (23), at devices of others and ours."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import DeviceIdentification, ModbusServer

from hil_tests.support import DriverLog, emulate, eventually, make_device, run_driver
from hil_tests.support.modbus_scripts import honest, profile_of, rtu_script, tcp_script
from testbed.bench.wires import parse_wire
from testbed.protocols.modbus import rtu
from testbed.signals import Outcome

from .test_modbus import free_port
from .test_modbus_peers import cable, libmodbus_device
from .test_modbus_scan import scanned

# Of register 4 the device has bits that are not ours: 0x8002 when it starts.
PUMPS = """
profile: pumps
protocol: modbus
signals:
  run:     {holding: 4, bits: 0, access: write, safe: 0}
  speed:   {holding: 4, bits: [4, 7], scale: 0.5, access: write, safe: 0}
  power:   {holding: 6, type: float32, access: write, safe: 0, confirm: true}
  running: {holding: 4, bits: 0, rate: 50 Hz}
  remote:  {holding: 4, bits: 1, rate: 50 Hz}
  turning: {holding: 4, bits: [4, 7], scale: 0.5, rate: 50 Hz}
  health:  {holding: 4, bits: [8, 15], rate: 50 Hz}
  powered: {holding: 6, type: float32, rate: 50 Hz}
"""
CONFIRMED = """
profile: confirmed
protocol: modbus
signals:
  a:     {input: 0, type: float32, rate: 10 Hz}
  power: {holding: 0, type: float32, access: write, safe: 0, confirm: true}
"""
Place = Callable[[Path], contextlib.AbstractAsyncContextManager[str]]


def simulated() -> SimDevice:
    words = [SimData(4, values=0x8002, datatype=DataType.REGISTERS)]
    return SimDevice(id=1, simdata=[*words, SimData(5, count=5, values=0, datatype=DataType.REGISTERS)])


@contextlib.asynccontextmanager
async def pymodbus_on_tcp(folder: Path) -> AsyncIterator[str]:
    port = free_port()
    server = ModbusTcpServer(simulated(), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    yield f"modbus+tcp://127.0.0.1:{port}?unit=1&inflight=1"
    await server.shutdown()


@contextlib.asynccontextmanager
async def pymodbus_on_a_line(folder: Path) -> AsyncIterator[str]:
    with cable(folder) as (near, far):
        server = ModbusSerialServer(simulated(), port=far, baudrate=115200)
        await server.serve_forever(background=True)
        yield f"modbus+rtu://{near}?unit=1&baud=115200&parity=N"
        await server.shutdown()


@contextlib.asynccontextmanager
async def libmodbus(folder: Path) -> AsyncIterator[str]:
    async with libmodbus_device(folder) as port:
        yield f"modbus+tcp://127.0.0.1:{port}?unit=1"


def ours(wire: str) -> Place:
    @contextlib.asynccontextmanager
    async def place(folder: Path) -> AsyncIterator[str]:
        async with emulate(make_device(profile_of(folder, PUMPS), wire)) as emulated:
            emulated["dut"].store.set("remote", 1)
            emulated["dut"].store.set("health", 0x80)
            yield str(emulated["dut"].device.wire)

    return place


async def last(log: DriverLog, **expected: float) -> None:
    """Wait until the newest good samples are these."""
    await eventually(
        lambda: all(log.good(name) and log.good(name)[-1].value == want for name, want in expected.items()),
        f"{expected}",
    )


async def carried_out(log: DriverLog, signal: str, value: float) -> None:
    command = log.command(signal, value)
    await eventually(lambda: not command.pending, f"{signal} is {value}")
    assert (command.outcome, command.reason) == (Outcome.ACKNOWLEDGED, "")


@pytest.mark.parametrize(
    "place",
    [
        pymodbus_on_tcp,
        pymodbus_on_a_line,
        pytest.param(libmodbus, marks=pytest.mark.needs_system("gcc", "libmodbus")),
        ours("modbus+tcp://h:1?unit=1"),
        ours("modbus+rtu:///dev/ttyUSB0?unit=1&baud=115200&parity=N"),
        ours("modbus+ascii+tcp://h:1?unit=1"),
    ],
    ids=["pymodbus", "pymodbus on a line", "libmodbus", "ours", "ours on a line", "ours as text"],
)
async def test_bits_are_set_without_their_neighbours_and_what_is_read_back_is_held(
    place: Place, tmp_path: Path
) -> None:
    async with (
        place(tmp_path) as wire,
        run_driver(make_device(profile_of(tmp_path, PUMPS), wire)) as log,
    ):
        await last(log, running=0, remote=1, turning=0, health=0x80)
        await carried_out(log, "run", 1)
        await carried_out(log, "speed", 2.5)
        await carried_out(log, "power", 37.5)
        await last(log, running=1, remote=1, turning=2.5, health=0x80, powered=37.5)
        await carried_out(log, "run", 0)
        await last(log, running=0, remote=1, turning=2.5, health=0x80, powered=37.5)


async def test_pymodbustcp_writes_and_reads_back_at_once_and_says_what_it_is(tmp_path: Path) -> None:
    identity = DeviceIdentification(vendor_name=b"ACME", product_code=b"P-9", major_minor_revision=b"V2")
    server = ModbusServer("127.0.0.1", free_port(), no_block=True, device_id=identity)
    server.start()
    try:
        wire = f"modbus+tcp://127.0.0.1:{server.port}?unit=1"
        async with run_driver(make_device(profile_of(tmp_path, PUMPS), wire)) as log:
            await carried_out(log, "power", 37.5)
        (heard,) = await scanned(parse_wire(wire), 1)
        assert heard.identity == "ACME P-9 V2"
    finally:
        server.stop()


@pytest.mark.parametrize("script_on", [tcp_script, rtu_script], ids=["tcp", "rtu"])
async def test_a_device_that_holds_something_else_than_was_written_fails_the_command(
    script_on: object, tmp_path: Path
) -> None:
    """It cuts the value to its own limit, and says nothing."""

    def cutting(pdu: bytes) -> list[bytes]:
        return [bytes.fromhex("17 04 41200000")] if pdu[0] == 23 else honest(pdu)

    async with script_on(tmp_path, text=CONFIRMED) as (script, device), run_driver(device) as log:  # type: ignore[operator]
        script.answer = cutting
        command = log.command("power", 37.5)
        await eventually(lambda: not command.pending, "the outcome")
        assert command.outcome is Outcome.FAILED
        assert command.reason == "the device took it, but holds 4120 0000 where 4216 0000 was written"
        assert "offline" not in log.kinds()


async def test_what_an_earlier_command_read_back_is_not_taken_for_that_of_the_next(tmp_path: Path) -> None:
    """On a line only the order tells them apart: the second is sent when the first's answer has come."""
    async with rtu_script(tmp_path, "&timeout=0.2", CONFIRMED) as (script, device), run_driver(device) as log:
        loop = asyncio.get_running_loop()

        def hesitating(pdu: bytes) -> list[bytes]:
            if pdu[0] != 23:
                return honest(pdu)
            answer = b"\x17\x04" + pdu[10:]
            if pdu[10:] != struct.pack(">f", 1.0):
                return [answer]
            loop.call_later(0.3, script.raw, rtu.encode_frame(1, answer))
            return []

        script.answer = hesitating
        first, second = log.command("power", 1.0), log.command("power", 2.0)
        await eventually(lambda: not (first.pending or second.pending), "both outcomes")
        assert first.outcome is Outcome.FAILED
        assert (second.outcome, second.reason) == (Outcome.ACKNOWLEDGED, "")
