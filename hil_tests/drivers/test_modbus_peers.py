"""Modbus against what others have written: pymodbus in every framing, libmodbus in C, pyModbusTCP, mbpoll."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import ModbusServer

from hil_tests.support import Emulated, emulate, eventually, make_device, run_driver
from testbed.clock import SystemClock
from testbed.links import PtyEnd
from testbed.signals import Outcome

from .test_modbus import chamber_behaves, free_port, simulated

CHAMBER = "modbus/thermal-chamber"
SOURCE = Path(__file__).parents[1] / "support" / "libmodbus_server.c"


@contextlib.contextmanager
def cable(folder: Path) -> Iterator[tuple[str, str]]:
    """Two serial ports and a cable between them."""
    clock = SystemClock()
    near = PtyEnd(folder / "near", clock, lambda time_ns, data: far.write(data))
    far = PtyEnd(folder / "far", clock, lambda time_ns, data: near.write(data))
    near.plug()
    far.plug()
    try:
        yield str(near.path), str(far.path)
    finally:
        near.unplug()
        far.unplug()
        clock.close()


# The driver against their devices ---------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "framer"), [("rtu", FramerType.RTU), ("ascii", FramerType.ASCII)])
async def test_frames_of_a_line_over_tcp_are_those_of_pymodbus(scheme: str, framer: FramerType) -> None:
    port = free_port()
    server = ModbusTcpServer(simulated(), framer=framer, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        wire = f"modbus+{scheme}+tcp://127.0.0.1:{port}?unit=1"
        async with run_driver(make_device(CHAMBER, wire)) as log:
            await chamber_behaves(log, server)
    finally:
        await server.shutdown()


async def test_text_on_a_serial_line_is_that_of_pymodbus(tmp_path: Path) -> None:
    with cable(tmp_path) as (near, far):
        server = ModbusSerialServer(simulated(), framer=FramerType.ASCII, port=far, baudrate=115200)
        await server.serve_forever(background=True)
        try:
            wire = f"modbus+ascii://{near}?unit=1&baud=115200&parity=N"
            async with run_driver(make_device(CHAMBER, wire)) as log:
                await chamber_behaves(log, server)
        finally:
            await server.shutdown()


@contextlib.asynccontextmanager
async def libmodbus_device(folder: Path) -> AsyncIterator[int]:
    """Build and run a device made with libmodbus; yields its port."""
    program = folder / "device"
    build = ["gcc", "-Wall", "-Werror", "-o", str(program), str(SOURCE), "-lmodbus"]
    await asyncio.to_thread(subprocess.run, build, check=True)
    process = await asyncio.create_subprocess_exec(program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@pytest.mark.needs_system("gcc", "libmodbus")
async def test_a_device_made_with_libmodbus_is_read_and_driven(tmp_path: Path) -> None:
    async with libmodbus_device(tmp_path) as port:
        device = make_device(CHAMBER, f"modbus+tcp://127.0.0.1:{port}?unit=1")
        async with run_driver(device) as log:
            await eventually(lambda: log.good("temperature") and log.good("over_temperature"), "samples")
            assert log.good("temperature")[-1].value == 41.25
            assert log.good("load_temperature")[-1].value == pytest.approx(-3.5)
            assert log.good("over_temperature")[-1].value == 1.0
            command = log.command("heater_duty", 37.5)
            await eventually(lambda: not command.pending, "the outcome")
            assert command.outcome is Outcome.ACKNOWLEDGED


async def test_a_device_made_with_pymodbustcp_is_read_and_driven() -> None:
    server = ModbusServer("127.0.0.1", free_port(), no_block=True)
    server.data_bank.set_input_registers(0, list(struct.unpack(">3H", struct.pack(">fh", 41.25, -35))))
    server.start()
    try:
        device = make_device(CHAMBER, f"modbus+tcp://127.0.0.1:{server.port}?unit=1")
        async with run_driver(device) as log:
            await eventually(lambda: log.good("temperature"), "samples")
            assert log.good("temperature")[-1].value == 41.25
            command = log.command("heater_duty", 37.5)
            await eventually(lambda: not command.pending, "the outcome")
            assert command.outcome is Outcome.ACKNOWLEDGED
        held = server.data_bank.get_holding_registers(0, 2)
        assert struct.unpack(">f", struct.pack(">2H", *held)) == (37.5,)
    finally:
        server.stop()


# Their clients against our devices --------------------------------------------------------------------


@contextlib.asynccontextmanager
async def chamber_on(wire: str) -> AsyncIterator[Emulated]:
    async with emulate(make_device(CHAMBER, wire)) as emulated:
        emulated["dut"].store.set("temperature", 41.25)
        yield emulated


@pytest.mark.parametrize(
    ("wire", "framer"),
    [
        ("modbus+rtu+tcp://h:1?unit=3", FramerType.RTU),
        ("modbus+ascii+tcp://h:1?unit=3", FramerType.ASCII),
        ("modbus+ascii:///dev/ttyUSB0?unit=3&baud=115200&parity=N", FramerType.ASCII),
    ],
)
async def test_pymodbus_reads_and_writes_our_device(wire: str, framer: FramerType) -> None:
    async with chamber_on(wire) as emulated:
        place = emulated["dut"].device.wire
        client: Any = (
            AsyncModbusTcpClient(place.host, port=place.port or 0, framer=framer, timeout=5, retries=0)
            if place.host
            else AsyncModbusSerialClient(place.path, framer=framer, baudrate=115200, timeout=5, retries=0)
        )
        assert await client.connect()
        try:
            found = await client.read_input_registers(0, count=2, device_id=3)
            assert struct.unpack(">f", struct.pack(">2H", *found.registers)) == (41.25,)
            words = list(struct.unpack(">2H", struct.pack(">f", 37.5)))
            assert not (await client.write_registers(0, words, device_id=3)).isError()
            assert emulated["dut"].store.read("heater_duty") == 37.5
            assert (await client.read_input_registers(5000, count=1, device_id=3)).isError()
        finally:
            client.close()


async def test_pymodbustcp_reads_and_writes_our_device() -> None:
    async with chamber_on("modbus+tcp://h:1?unit=1") as emulated:
        wire = emulated["dut"].device.wire
        client = ModbusClient(wire.host, wire.port, unit_id=1, timeout=5)
        registers = await asyncio.to_thread(client.read_input_registers, 0, 2)
        assert struct.unpack(">f", struct.pack(">2H", *registers)) == (41.25,)
        words = list(struct.unpack(">2H", struct.pack(">f", 37.5)))
        assert await asyncio.to_thread(client.write_multiple_registers, 0, words)
        assert emulated["dut"].store.read("heater_duty") == 37.5
        client.close()


@pytest.mark.needs_system("mbpoll")
@pytest.mark.parametrize(
    "wire", ["modbus+tcp://h:1?unit=1", "modbus+rtu:///dev/ttyUSB0?unit=3&baud=115200&parity=N"]
)
async def test_mbpoll_reads_and_writes_our_device(wire: str) -> None:
    async with chamber_on(wire) as emulated:
        place = emulated["dut"].device.wire
        where = (
            ["-m", "tcp", "-a", "1", "-p", str(place.port), place.host]
            if place.host
            else ["-m", "rtu", "-a", "3", "-b", "115200", "-P", "none", place.path]
        )

        async def mbpoll(*arguments: str) -> str:
            process = await asyncio.create_subprocess_exec(
                "mbpoll", *arguments, "-0", "-B", "-1", "-o", "5", stdout=asyncio.subprocess.PIPE
            )
            told, _ = await process.communicate()
            assert process.returncode == 0, told
            return told.decode()

        assert "41.25" in await mbpoll(*where, "-r", "0", "-t", "3:float", "-c", "1")
        await mbpoll("-r", "0", "-t", "4:float", *where, "37.5")
        assert emulated["dut"].store.read("heater_duty") == 37.5
