"""Emulated Modbus devices answer pymodbus' own clients, and whatever else comes over the wire."""

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu.file_message import ReadFifoQueueRequest

from hil_tests.support import Emulated, emulate, eventually, make_device
from testbed.bench.profile import Profile, load_profile
from testbed.emulators import EmulatedDevice, Store
from testbed.emulators.modbus import make_server
from testbed.protocols.modbus import rtu

TCP = "modbus+tcp://10.0.0.5:502?unit=1"
RTU = "modbus+rtu:///dev/ttyUSB0?unit=3&baud=115200&parity=N"

RIG = """
profile: rig
protocol: modbus
title: Everything that a register can be
signals:
  flow:     {input: 10, type: float32, unit: L/min}
  count:    {input: 12, type: uint32}
  level:    {input: 14, type: int16, scale: 0.1}
  power:    {holding: 100, type: float32, access: write, safe: 0}
  mode:     {holding: 102, type: uint16, access: write, safe: 0}
  total:    {holding: 103, type: uint16}
  pump:     {coil: 20, access: write, safe: 0}
  valve:    {coil: 21, access: write, safe: 0}
  door:     {discrete: 7}
"""


def rig_profile(folder: Path) -> Profile:
    file = folder / "rig.yaml"
    file.write_text(RIG)
    return load_profile(file)


@contextlib.asynccontextmanager
async def client_of(emulated: Emulated) -> AsyncIterator[Any]:
    """A pymodbus client connected to the device `dut`."""
    wire = emulated["dut"].device.wire
    client: Any
    if wire.scheme == "modbus+tcp":
        client = AsyncModbusTcpClient(wire.host, port=wire.port or 0, timeout=5, retries=0)
    else:
        client = AsyncModbusSerialClient(wire.path, baudrate=115200, timeout=5, retries=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


wires = pytest.mark.parametrize("wire", [TCP, RTU], ids=["tcp", "rtu"])


def unit_of(wire: str) -> int:
    return 1 if wire == TCP else 3


# Against pymodbus' clients --------------------------------------------------------------------------


@wires
async def test_pymodbus_reads_what_the_store_holds(wire: str, tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), wire)) as emulated, client_of(emulated) as client:
        store, unit = emulated["dut"].store, unit_of(wire)
        for name, value in {
            "flow": 12.5,
            "count": 70000,
            "level": -3.2,
            "total": 7,
            "door": 1,
            "valve": 1,
        }.items():
            store.set(name, value)
        inputs = await client.read_input_registers(10, count=5, device_id=unit)
        assert struct.unpack(">fIh", struct.pack(">5H", *inputs.registers)) == (12.5, 70000, -32)
        assert (await client.read_holding_registers(103, count=1, device_id=unit)).registers == [7]
        assert (await client.read_coils(20, count=2, device_id=unit)).bits[:2] == [False, True]
        assert (await client.read_discrete_inputs(7, count=1, device_id=unit)).bits[0] is True


@wires
async def test_what_pymodbus_writes_becomes_commands(wire: str, tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), wire)) as emulated, client_of(emulated) as client:
        store, unit = emulated["dut"].store, unit_of(wire)
        commands: list[tuple[str, float]] = []
        store.watch(lambda name, value: commands.append((name, value)))
        high, low = struct.unpack(">2H", struct.pack(">f", 42.5))
        for response in [
            await client.write_registers(100, [high, low], device_id=unit),
            await client.write_register(102, 5, device_id=unit),
            await client.write_coil(20, True, device_id=unit),
            await client.write_coils(20, [False, True], device_id=unit),
            await client.mask_write_register(address=102, and_mask=0xFFFE, or_mask=0x0008, device_id=unit),
        ]:
            assert not response.isError()
        expected = [
            ("power", 42.5),
            ("mode", 5.0),
            ("pump", 1.0),
            ("pump", 0.0),
            ("valve", 1.0),
            ("mode", 4.0),
        ]
        assert commands == expected
        both = await client.readwrite_registers(
            read_address=100, read_count=4, write_address=102, values=[9], device_id=unit
        )
        assert both.registers == [high, low, 9, 0]
        assert store.read("mode") == 9


@wires
async def test_pymodbus_can_ask_what_the_device_is(wire: str, tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), wire)) as emulated, client_of(emulated) as client:
        unit = unit_of(wire)
        identity = await client.read_device_information(read_code=2, object_id=0, device_id=unit)
        assert identity.information[1] == b"rig"
        assert identity.information[4] == b"Everything that a register can be"
        assert (await client.report_device_id(device_id=unit)).identifier == b"rig"
        assert (await client.diag_query_data(b"\xa5\x37", device_id=unit)).message == b"\xa5\x37"


@wires
@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda c, unit: c.read_input_registers(9, count=1, device_id=unit), 2),
        (lambda c, unit: c.read_input_registers(14, count=2, device_id=unit), 2),
        (lambda c, unit: c.write_register(103, 1, device_id=unit), 2),
        (lambda c, unit: c.write_registers(102, [1, 2], device_id=unit), 2),
        (lambda c, unit: c.write_coil(22, True, device_id=unit), 2),
        (lambda c, unit: c.write_registers(100, [0x7FC0, 0], device_id=unit), 4),
        (lambda c, unit: c.mask_write_register(address=200, device_id=unit), 2),
        (lambda c, unit: c.read_device_information(read_code=4, object_id=3, device_id=unit), 2),
        (lambda c, unit: c.execute(False, ReadFifoQueueRequest(address=0, dev_id=unit)), 1),
        (lambda c, unit: c.read_exception_status(device_id=unit), 1),
    ],
    ids=[
        "no such input",
        "beyond the last input",
        "a register that is only read",
        "a write that reaches into one that is only read",
        "no such coil",
        "NaN",
        "mask of no register",
        "no such object",
        "fifo",
        "exception status",
    ],
)
async def test_what_cannot_be_served_is_an_exception(wire: str, ask: Any, code: int, tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), wire)) as emulated, client_of(emulated) as client:
        commands: list[tuple[str, float]] = []
        emulated["dut"].store.watch(lambda name, value: commands.append((name, value)))
        response = await ask(client, unit_of(wire))
        assert (response.isError(), response.exception_code) == (True, code)
        assert commands == [], "a refused write changes nothing"


async def test_on_tcp_another_unit_is_a_gateway_without_a_target(tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), TCP)) as emulated, client_of(emulated) as client:
        assert (await client.read_coils(20, count=1, device_id=2)).exception_code == 0x0B
        assert not (await client.read_coils(20, count=1, device_id=255)).isError(), (
            "255 means the device itself"
        )


# Against raw bytes ----------------------------------------------------------------------------------


async def test_on_tcp_requests_in_a_row_are_answered_in_a_row(tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), TCP)) as emulated:
        wire = emulated["dut"].device.wire
        reader, writer = await asyncio.open_connection(wire.host, wire.port)
        request = bytes.fromhex("0000 0006 01 02 0007 0001")
        writer.write(b"".join(number.to_bytes(2, "big") + request for number in range(50)))
        answers = await reader.readexactly(50 * 10)
        assert [answers[at : at + 2] for at in range(0, 500, 10)] == [n.to_bytes(2, "big") for n in range(50)]
        writer.close()


async def test_on_tcp_what_is_no_modbus_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), TCP)) as emulated, client_of(emulated) as client:
        wire = emulated["dut"].device.wire
        reader, writer = await asyncio.open_connection(wire.host, wire.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        assert not (await client.read_coils(20, count=1, device_id=1)).isError()


async def test_on_a_line_nobody_answers_for_others_or_for_all_but_all_obey(tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), RTU)) as emulated, client_of(emulated) as client:
        store = emulated["dut"].store
        transport = client.ctx.transport
        transport.write(rtu.encode_frame(4, bytes.fromhex("01 0014 0001")))
        transport.write(rtu.encode_frame(rtu.BROADCAST, bytes.fromhex("05 0014 FF00")))
        await eventually(lambda: store.read("pump") == 1, "the broadcast obeyed")
        response = await client.read_coils(20, count=1, device_id=3)
        assert response.bits[0] is True, "the next answer is to the next question"


async def test_unplugged_it_refuses_and_plugged_again_it_answers_at_the_same_place(tmp_path: Path) -> None:
    async with emulate(make_device(rig_profile(tmp_path), TCP)) as emulated:
        async with client_of(emulated) as client:
            emulated.plugs["dut"].unplug()
            await eventually(lambda: not client.connected, "the connection dropped")
        emulated.plugs["dut"].plug()
        async with client_of(emulated) as client:
            assert not (await client.read_coils(20, count=1, device_id=1)).isError()


async def test_many_devices_are_served_at_once(tmp_path: Path) -> None:
    profile = rig_profile(tmp_path)
    names = [f"d{number}" for number in range(5)]
    async with emulate(*(make_device(profile, TCP, name) for name in names)) as emulated:
        assert len({str(emulated[name].device.wire) for name in names}) == 5


# The device's side without a wire -------------------------------------------------------------------


def server_of(folder: Path) -> tuple[Any, Store]:
    device = make_device(rig_profile(folder), TCP)
    store = Store(device)
    return make_server(EmulatedDevice(device, store)), store


def test_half_of_a_value_can_be_read_and_written(tmp_path: Path) -> None:
    server, store = server_of(tmp_path)
    store.set("power", 2.0)  # 4000 0000
    assert server.answer(bytes.fromhex("03 0065 0001")) == bytes.fromhex("03 02 0000")
    assert server.answer(bytes.fromhex("06 0064 40A0")) == bytes.fromhex("06 0064 40A0")
    assert store.read("power") == 5.0


def test_of_a_masked_register_only_the_signals_whose_bits_change_hands_are_told(tmp_path: Path) -> None:
    file = tmp_path / "bits.yaml"
    file.write_text(
        "profile: bits\nprotocol: modbus\nsignals:\n"
        "  run:   {holding: 0, bits: 0, access: write, safe: 0}\n"
        "  speed: {holding: 0, bits: [4, 7], access: write, safe: 0}\n"
        "  state: {holding: 0, bits: [8, 9]}\n"
    )
    device = make_device(load_profile(file), TCP)
    store, told = Store(device), list[tuple[str, float]]()
    server = make_server(EmulatedDevice(device, store))
    store.set("state", 2)
    store.watch(lambda name, value: told.append((name, value)))
    request = bytes.fromhex("16 0000 FF0F 0050")
    assert server.answer(request) == request
    assert told == [("speed", 5.0)]
    assert server.answer(bytes.fromhex("03 0000 0001")) == bytes.fromhex("03 02 0250")
    assert server.answer(bytes.fromhex("16 0000 FEFF 0000")) == bytes.fromhex("96 02"), "state is only read"


def test_a_value_that_no_register_holds_does_not_stop_the_device(tmp_path: Path) -> None:
    server, store = server_of(tmp_path)
    for value, held in [(math.nan, "0000"), (1e9, "7FFF"), (-math.inf, "8000")]:
        store.set("level", value)
        assert server.answer(bytes.fromhex("04 000E 0001")) == bytes.fromhex("04 02" + held)


@given(st.binary(min_size=1, max_size=253))
def test_any_request_is_answered_or_refused(tmp_path_factory: pytest.TempPathFactory, pdu: bytes) -> None:
    server, _ = server_of(tmp_path_factory.getbasetemp())
    answer = server.answer(pdu)
    assert answer[0] & 0x7F == pdu[0] & 0x7F
    assert len(answer) <= 253


@given(st.sampled_from([1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 22, 23, 43]), st.binary(max_size=30))
def test_any_body_of_a_known_function_is_answered_or_refused(
    tmp_path_factory: pytest.TempPathFactory, function: int, body: bytes
) -> None:
    server, store = server_of(tmp_path_factory.getbasetemp())
    answer = server.answer(bytes([function]) + body)
    assert answer[0] in (function, function | 0x80)
    assert all(math.isfinite(store.read(name)) for name in ("power", "mode", "pump", "valve"))
