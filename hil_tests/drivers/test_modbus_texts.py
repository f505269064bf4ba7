"""Texts in registers: who a device says that it is, at devices of others and ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hil_tests.support import DriverLog, emulate, eventually, make_device, run_driver
from hil_tests.support.modbus_scripts import profile_of
from testbed.bench.problems import BenchFileError
from testbed.protocols.modbus import layout_of
from testbed.protocols.modbus.texts import TextSpec

from .test_modbus import free_port

METER = """
profile: meter
protocol: modbus
byte_order: {order}
texts:
  serial:   {{holding: 100, registers: 4, text: SN-0042}}
  firmware: {{input: 20, registers: 3, text: "1.2"}}
signals:
  power: {{input: 0, type: uint16, rate: 50 Hz}}
"""


def identities(log: DriverLog) -> list[str]:
    return [event.text for event in log.events if event.kind == "identity"]


async def test_a_device_of_pymodbus_says_its_texts_and_they_are_told_once(tmp_path: Path) -> None:
    port = free_port()
    serial = SimData(100, values="SN-7", datatype=DataType.STRING)
    data = [SimData(0, values=3, datatype=DataType.REGISTERS), serial]
    filled = SimData(102, count=2, values=0, datatype=DataType.REGISTERS)
    firmware = SimData(20, values=[0x312E, 0x3300, 0], datatype=DataType.REGISTERS)
    device = SimDevice(id=1, simdata=[data[0], firmware, serial, filled])
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    profile = profile_of(tmp_path, METER.format(order="big"))
    try:
        async with run_driver(
            make_device(profile, f"modbus+tcp://127.0.0.1:{port}?unit=1&inflight=1")
        ) as log:
            await eventually(lambda: log.good("power"), "a sample")
            assert identities(log) == ["dut is serial SN-7, firmware 1.3"]
    finally:
        await server.shutdown()


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize(
    "wire", ["modbus+tcp://h:1?unit=1", "modbus+rtu:///dev/ttyUSB0?unit=1&baud=115200&parity=N"]
)
async def test_ours_says_them_either_byte_first_and_again_only_when_they_are_news(
    tmp_path: Path, order: str, wire: str
) -> None:
    device = make_device(profile_of(tmp_path, METER.format(order=order)), wire)
    async with emulate(device) as emulated, run_driver(emulated["dut"].device) as log:
        await eventually(lambda: log.good("power"), "a sample")
        emulated.plugs["dut"].unplug()
        await eventually(lambda: "offline" in log.kinds(), "the loss")
        emulated.plugs["dut"].plug()
        seen = len(log.good("power"))
        await eventually(lambda: len(log.good("power")) > seen, "a sample after it")
        assert identities(log) == ["dut is serial SN-0042, firmware 1.2"]


async def test_pymodbus_reads_those_of_our_device_whole_and_in_part(tmp_path: Path) -> None:
    device = make_device(profile_of(tmp_path, METER.format(order="big")), "modbus+tcp://h:1?unit=1")
    async with emulate(device) as emulated:
        wire = emulated["dut"].device.wire
        async with AsyncModbusTcpClient(wire.host, port=wire.port or 0) as client:
            whole = await client.read_holding_registers(100, count=4, device_id=1)
            assert client.convert_from_registers(whole.registers, client.DATATYPE.STRING) == "SN-0042"
            part = await client.read_holding_registers(101, count=2, device_id=1)
            assert client.convert_from_registers(part.registers, client.DATATYPE.STRING) == "-004"
            beyond = await client.read_holding_registers(103, count=2, device_id=1)
            assert beyond.exception_code == 2


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=10),
    st.sampled_from(["big", "little"]),
)
def test_what_is_encoded_is_read_back(text: str, order: str) -> None:
    spec = TextSpec(holding=0, registers=5, text=text)
    assert len(spec.encode(order)) == 10
    assert spec.decode(spec.encode(order), order) == text


@given(st.binary(max_size=20), st.sampled_from(["big", "little"]))
def test_any_registers_are_a_text_that_can_be_printed(data: bytes, order: str) -> None:
    even = data[: len(data) // 2 * 2]
    assert TextSpec(input=0, registers=10).decode(even, order).isprintable()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ({"registers": 2}, "give holding: or input:"),
        ({"holding": 1, "input": 1, "registers": 2}, "give holding: or input:"),
        ({"holding": 65535, "registers": 2}, "end at 65535"),
        ({"holding": 0, "registers": 2, "text": "toolong"}, "does not fit into 2 registers"),
    ],
)
def test_a_text_that_cannot_be_is_refused(text: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TextSpec.model_validate(text)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("power: {{holding: 102, type: uint16}}", "power and the text serial both stand in holding 102"),
        ("power: {{holding: 99, type: uint32}}", "power and the text serial both stand in holding 100"),
    ],
)
def test_a_signal_in_the_way_of_a_text_is_told(tmp_path: Path, changed: str, why: str) -> None:
    profile = METER.replace("power: {{input: 0, type: uint16, rate: 50 Hz}}", changed).format(order="big")
    with pytest.raises(BenchFileError, match=why):
        layout_of(make_device(profile_of(tmp_path, profile), "modbus+tcp://h:1?unit=1").profile)


def test_two_texts_in_one_place_are_told(tmp_path: Path) -> None:
    profile = METER.replace("input: 20", "holding: 103").format(order="big")
    with pytest.raises(BenchFileError, match="serial and firmware both stand in holding 103"):
        layout_of(make_device(profile_of(tmp_path, profile), "modbus+tcp://h:1?unit=1").profile)
