"""A profile becomes registers: addresses, values, planned reads and writes, and what is refused."""

import math
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.problems import BenchFileError
from testbed.bench.profile import Profile, load_profile
from testbed.bench.wires import parse_wire
from testbed.errors import UsageError
from testbed.protocols.modbus import (
    ModbusSettings,
    RegisterAddress,
    layout_of,
    modbus_wire,
    plan_reads,
    plan_write,
)
from testbed.protocols.modbus.blocks import RegisterBlock, make_block
from testbed.protocols.modbus.pdu import Function
from testbed.protocols.numbers import NumberType

WIDE = [kind for kind in NumberType if kind.size >= 2]
SECOND = 10**9


def profile(folder: Path, signals: dict[str, dict[str, Any]], **settings: Any) -> Profile:
    file = folder / "device.yaml"
    file.write_text(
        yaml.safe_dump({"profile": "device", "protocol": "modbus", **settings, "signals": signals})
    )
    return load_profile(file)


def planned(
    folder: Path, signals: dict[str, dict[str, Any]], **settings: Any
) -> list[tuple[str, tuple[str, ...]]]:
    layout = layout_of(profile(folder, signals, **settings))
    return [(str(read), read.names) for read in plan_reads(layout, dict.fromkeys(signals, SECOND))]


# Values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word_order", "byte_order", "wire"),
    [
        ("big", "big", "41 A4 33 33"),
        ("little", "big", "33 33 41 A4"),
        ("big", "little", "A4 41 33 33"),
        ("little", "little", "33 33 A4 41"),
    ],
)
def test_a_float_of_two_registers_stands_in_the_order_of_the_profile(
    word_order: Any, byte_order: Any, wire: str
) -> None:
    settings = ModbusSettings(word_order=word_order, byte_order=byte_order)
    block = RegisterBlock([RegisterAddress(input=0, type=NumberType.FLOAT32)], 0, 2, settings)
    (value,) = struct.unpack(">f", bytes.fromhex("41 A4 33 33"))  # 20.525
    assert block.unpack(bytes.fromhex(wire)) == [value]
    assert block.pack([value]) == bytes.fromhex(wire)


@given(
    kinds=st.lists(st.sampled_from(WIDE), min_size=1, max_size=6),
    gaps=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    orders=st.tuples(st.sampled_from(["big", "little"]), st.sampled_from(["big", "little"])),
    data=st.data(),
)
def test_values_survive_a_block_of_any_types_and_orders(
    kinds: list[NumberType], gaps: list[int], orders: tuple[Any, Any], data: st.DataObject
) -> None:
    addresses, at = [], gaps[-1]
    for kind, gap in zip(kinds, gaps, strict=False):
        addresses.append(RegisterAddress(holding=at, type=kind))
        at += kind.size // 2 + gap
    block = RegisterBlock(addresses, 0, at, ModbusSettings(word_order=orders[0], byte_order=orders[1]))
    values = [data.draw(_values(kind)) for kind in kinds]
    assert len(block.pack(values)) == 2 * at
    assert block.unpack(block.pack(values)) == values
    assert block.unpack(b"head" + block.pack_exactly(values), 4) == values


def _values(kind: NumberType) -> st.SearchStrategy[float]:
    if kind.is_float:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    low = 0 if kind.code.isupper() else -(1 << min(kind.size * 8 - 1, 53))
    return st.integers(low, (1 << min(kind.size * 8 - 1, 53)) - 1).map(float)


@given(st.sampled_from(WIDE), st.floats())
def test_whatever_a_device_holds_saturates_and_never_fails(kind: NumberType, value: float) -> None:
    block = RegisterBlock([RegisterAddress(input=0, type=kind)], 0, kind.size // 2, ModbusSettings())
    (held,) = block.unpack(block.pack([value]))
    if kind.is_float:
        assert math.isnan(held) == math.isnan(value)
    else:
        assert math.isfinite(held)


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        (NumberType.INT16, 4e9, 32767.0),
        (NumberType.INT16, -4e9, -32768.0),
        (NumberType.UINT16, -1.0, 0.0),
        (NumberType.INT16, math.nan, 0.0),
        (NumberType.FLOAT32, 1e39, 3.4028234663852886e38),
        (NumberType.FLOAT32, -math.inf, -math.inf),
    ],
)
def test_saturation(kind: NumberType, value: float, held: float) -> None:
    block = RegisterBlock([RegisterAddress(input=0, type=kind)], 0, kind.size // 2, ModbusSettings())
    assert block.unpack(block.pack([value])) == [held]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_bits_survive_a_block(states: list[bool]) -> None:
    addresses = [RegisterAddress(discrete=10 + index) for index in range(len(states))]
    block = make_block(addresses, 10, len(states), addresses[0].table, ModbusSettings())
    assert block.unpack(block.pack([float(state) for state in states])) == [float(state) for state in states]


@given(
    widths=st.lists(st.integers(1, 16), min_size=1, max_size=12),
    byte_order=st.sampled_from(["big", "little"]),
    data=st.data(),
)
def test_bits_of_registers_survive_a_block_among_whole_numbers(
    widths: list[int], byte_order: Any, data: st.DataObject
) -> None:
    addresses, values, number, bit = [RegisterAddress(holding=0, type=NumberType.INT16)], [-7.0], 1, 0
    for width in widths:
        number, bit = (number, bit) if bit + width <= 16 else (number + 1, 0)
        addresses.append(RegisterAddress(holding=number, bits=(bit, bit + width - 1)))
        values.append(float(data.draw(st.integers(0, (1 << width) - 1))))
        bit += width
    addresses.append(RegisterAddress(holding=number + 1, type=NumberType.FLOAT32))
    values.append(1.5)
    block = RegisterBlock(addresses, 0, number + 3, ModbusSettings(byte_order=byte_order))
    assert block.unpack(block.pack(values)) == values
    assert block.unpack(block.pack_exactly(values)) == values


@pytest.mark.parametrize(
    ("byte_order", "wire"), [("big", "50 01"), ("little", "01 50")], ids=["as the standard", "swapped"]
)
def test_bit_0_is_the_lowest_of_the_register(byte_order: Any, wire: str) -> None:
    bits = [RegisterAddress(input=0, bits=0), RegisterAddress(input=0, bits=(12, 15), scale=0.5)]
    block = RegisterBlock(bits, 0, 1, ModbusSettings(byte_order=byte_order))
    assert block.unpack(bytes.fromhex(wire)) == [1.0, 2.5]
    assert block.pack([1.0, 2.5]) == bytes.fromhex(wire)
    assert block.pack([9.0, math.nan]) == bytes.fromhex("00 01" if byte_order == "big" else "01 00")


# Planned reads --------------------------------------------------------------------------------------


def test_neighbours_of_one_table_share_a_read(tmp_path: Path) -> None:
    signals = {
        "b": {"input": 2, "type": "int16"},
        "a": {"input": 0, "type": "float32"},
        "c": {"holding": 3, "type": "int16"},
        "d": {"discrete": 0},
        "e": {"discrete": 1},
    }
    assert planned(tmp_path, signals) == [
        ("input 0 to 2", ("a", "b")),
        ("holding 3", ("c",)),
        ("discrete 0 to 1", ("d", "e")),
    ]


def test_bits_of_one_register_are_read_with_it_once(tmp_path: Path) -> None:
    signals = {
        "high": {"input": 1, "bits": [8, 15]},
        "low": {"input": 1, "bits": 0},
        "next": {"input": 2, "type": "int16"},
    }
    assert planned(tmp_path, signals) == [("input 1 to 2", ("low", "high", "next"))]


def test_a_hole_is_read_across_only_if_the_profile_allows_it(tmp_path: Path) -> None:
    signals = {"a": {"input": 0, "type": "int16"}, "b": {"input": 3, "type": "int16"}}
    assert planned(tmp_path, signals) == [("input 0", ("a",)), ("input 3", ("b",))]
    assert planned(tmp_path, signals, max_gap=1) == [("input 0", ("a",)), ("input 3", ("b",))]
    assert planned(tmp_path, signals, max_gap=2) == [("input 0 to 3", ("a", "b"))]


def test_signals_of_different_rates_are_read_apart(tmp_path: Path) -> None:
    signals = {"a": {"input": 0, "type": "int16"}, "b": {"input": 1, "type": "int16"}}
    layout = layout_of(profile(tmp_path, signals))
    reads = plan_reads(layout, {"a": SECOND, "b": SECOND // 10})
    assert [(read.names, read.period_ns) for read in reads] == [(("a",), SECOND), (("b",), SECOND // 10)]


@pytest.mark.parametrize("table", ["input", "discrete"])
def test_no_read_is_longer_than_the_standard_allows(tmp_path: Path, table: str) -> None:
    limit = 125 if table == "input" else 2000
    kind = {"type": "int16"} if table == "input" else {}
    reads = planned(tmp_path, {f"s{number}": {table: number, **kind} for number in range(limit + 1)})
    assert [read[0] for read in reads] == [f"{table} 0 to {limit - 1}", f"{table} {limit}"]


def test_no_read_is_longer_than_the_device_allows(tmp_path: Path) -> None:
    coils = {f"c{number}": {"coil": number} for number in range(10)}
    registers = {f"r{number}": {"holding": number, "type": "int16"} for number in range(5)}
    reads = planned(tmp_path, {**coils, **registers}, max_read_bits=8, max_read=3)
    assert [read[0] for read in reads] == ["coil 0 to 7", "coil 8 to 9", "holding 0 to 2", "holding 3 to 4"]


@given(
    places=st.lists(st.tuples(st.integers(0, 400), st.sampled_from(WIDE)), min_size=1, max_size=60),
    max_gap=st.integers(0, 8),
    max_read=st.integers(1, 125),
)
def test_every_signal_is_read_whole_and_once_within_the_limits(
    tmp_path_factory: pytest.TempPathFactory,
    places: list[tuple[int, NumberType]],
    max_gap: int,
    max_read: int,
) -> None:
    signals, end = {}, -1
    for number, kind in sorted(places, key=lambda place: place[0]):
        if number > end:
            signals[f"s{number}"] = {"input": number, "type": kind.value}
            end = number + kind.size // 2 - 1
    folder = tmp_path_factory.getbasetemp()
    layout = layout_of(profile(folder, signals, max_gap=max_gap, max_read=max_read))
    reads = plan_reads(layout, dict.fromkeys(signals, SECOND))
    assert sorted(name for read in reads for name in read.names) == sorted(signals)
    for read in reads:
        assert read.count <= max_read or len(read.names) == 1
        assert len(read.block.unpack(bytes(2 * read.count))) == len(read.names)


# Planned writes -------------------------------------------------------------------------------------

WRITTEN: dict[str, dict[str, Any]] = {
    "relay": {"coil": 5, "access": "write", "safe": 0},
    "duty": {"holding": 0, "type": "float32", "access": "write", "safe": 0},
    "setpoint": {"holding": 2, "type": "int16", "scale": 0.1, "access": "write", "safe": 0},
    "run": {"holding": 3, "bits": 0, "access": "write", "safe": 0},
    "speed": {"holding": 3, "bits": [4, 7], "scale": 0.5, "access": "write", "safe": 0},
    "power": {"holding": 4, "type": "float32", "confirm": True, "access": "write", "safe": 0},
}


@pytest.mark.parametrize(
    ("name", "value", "request_hex"),
    [
        ("relay", 1.0, "05 0005 FF00"),
        ("relay", 0.0, "05 0005 0000"),
        ("duty", 37.5, "10 0000 0002 04 42160000"),
        ("setpoint", -20.0, "06 0002 FF38"),
        ("run", 1.0, "16 0003 FFFE 0001"),
        ("run", 0.0, "16 0003 FFFE 0000"),
        ("speed", 2.5, "16 0003 FF0F 0050"),
        ("power", 37.5, "17 0004 0002 0004 0002 04 42160000"),
    ],
)
def test_the_function_of_a_write_follows_from_the_table_and_the_type(
    tmp_path: Path, name: str, value: float, request_hex: str
) -> None:
    layout = layout_of(profile(tmp_path, WRITTEN))
    assert plan_write(layout, name)(value).pdu == bytes.fromhex(request_hex)


def test_a_register_whose_bytes_are_swapped_has_its_bits_masked_so_too(tmp_path: Path) -> None:
    layout = layout_of(profile(tmp_path, WRITTEN, byte_order="little"))
    assert plan_write(layout, "speed")(2.5).pdu == bytes.fromhex("16 0003 0FFF 5000")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("relay", 0.5, "relay is a coil: 0.5 must be 0 or 1"),
        ("setpoint", 3276.8, "3276.8 does not fit int16"),
        ("run", 2.0, "2 does not fit 1 bits, 0 to 1"),
        ("speed", 8.0, "8 does not fit 4 bits, 0 to 15"),
        ("setpoint", math.nan, "nan cannot be sent as int16"),
        ("duty", 1e39, "1e[+]39 does not fit float32"),
        ("duty", math.inf, "inf cannot be sent as float32"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(tmp_path: Path, name: str, value: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan_write(layout_of(profile(tmp_path, WRITTEN)), name)(value)


# What is refused ------------------------------------------------------------------------------------

WRITE = {"access": "write", "safe": 0}


@pytest.mark.parametrize(
    ("signals", "says"),
    [
        ({"a": {"input": 0}}, "an input register needs a type"),
        (
            {"a": {"type": "int16"}},
            "must stand in exactly one of input, holding, coil, discrete, not in none",
        ),
        ({"a": {"input": 0, "coil": 1, "type": "int16"}}, "not in coil and input"),
        ({"a": {"coil": 0, "type": "int16"}}, "a coil is one bit and has neither type nor scale"),
        ({"a": {"input": 0, "type": "uint8"}}, "use uint16"),
        ({"a": {"input": 0, "type": "int17"}}, "input should be"),
        ({"a": {"input": 65535, "type": "float32"}}, "reaches beyond the last register, 65535"),
        ({"a": {"input": 65536, "type": "int16"}}, "less than or equal to 65535"),
        ({"a": {"input": -1, "type": "int16"}}, "greater than or equal to 0"),
        ({"a": {"input": True, "type": "int16"}}, "valid integer"),
        ({"a": {"input": 0, "type": "int16", "scale": 0}}, "scale must be a number other than 0"),
        ({"a": {"inptu": 0, "type": "int16"}}, "unknown key 'inptu'.*did you mean 'input'"),
        ({"a": {"input": 0, "type": "int16", **WRITE}}, "a: input cannot be written.*use holding or coil"),
        ({"a": {"discrete": 0, **WRITE}}, "a: discrete cannot be written"),
        (
            {"a": {"input": 0, "type": "float32"}, "b": {"input": 1, "type": "int16"}},
            "b and a both stand in input 1",
        ),
        ({"a": {"coil": 0, "bits": 1}}, "has neither type nor scale, bits or confirm"),
        ({"a": {"input": 0, "bits": 16}}, "less than or equal to 15"),
        ({"a": {"input": 0, "bits": [7, 4]}}, r"the first comes first, write \[4, 7\]"),
        ({"a": {"input": 0, "bits": 1, "type": "int16"}}, "they have no type"),
        ({"a": {"holding": 0, "type": "int16", "confirm": True}}, "confirm is for signals that are written"),
        (
            {"a": {"holding": 0, "bits": 1, "confirm": True, **WRITE}},
            "confirm is for whole holding registers",
        ),
        (
            {"a": {"input": 0, "bits": [0, 4]}, "b": {"input": 0, "bits": 4}},
            "b and a both stand in input 0",
        ),
        ({"a": {"coil": 0}, "b": {"coil": 0}}, "b and a both stand in coil 0"),
        (
            {"a": {"holding": 0, "type": "int16", **WRITE}, "b": {"holding": 0, "type": "uint16"}},
            "b and a both stand in holding 0",
        ),
    ],
)
def test_a_profile_that_cannot_be_is_refused_at_its_line(
    tmp_path: Path, signals: dict[str, dict[str, Any]], says: str
) -> None:
    with pytest.raises(BenchFileError, match=says) as caught:
        layout_of(profile(tmp_path, signals))
    assert str(tmp_path / "device.yaml") in str(caught.value)


def test_a_written_signal_and_its_readback_may_share_a_register(tmp_path: Path) -> None:
    told = {"holding": 0, "type": "int16", **WRITE}
    layout = layout_of(profile(tmp_path, {"back": {"holding": 0, "type": "int16"}, "told": told}))
    assert layout.writable == {"told"}


@pytest.mark.parametrize(
    "setting", [{"word_order": "middle"}, {"max_read": 126}, {"max_gap": -1}, {"words": "big"}]
)
def test_a_setting_that_cannot_be_is_refused(tmp_path: Path, setting: dict[str, Any]) -> None:
    with pytest.raises(BenchFileError, match=next(iter(setting))):
        layout_of(profile(tmp_path, {"a": {"coil": 0}}, **setting))


# Wires ----------------------------------------------------------------------------------------------


def test_the_defaults_of_a_wire_are_the_standards() -> None:
    serial = modbus_wire(parse_wire("modbus+rtu:///dev/ttyUSB0"))
    assert (serial.unit, serial.baud, serial.parity, serial.stop, serial.inflight) == (1, 19200, "E", 1, 1)
    network = modbus_wire(parse_wire("modbus+tcp://10.0.0.5?unit=0xFF&timeout=0.25&inflight=2"))
    assert (network.unit, network.timeout, network.inflight) == (255, 0.25, 2)


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ("modbus+tcp://h?unit=256", "unit must be 0 to 255, not 256"),
        ("modbus+rtu:///dev/x?unit=0", "unit must be 1 to 247, not 0"),
        ("modbus+tcp://h?unit=one", "unit=one is not a whole number"),
        ("modbus+tcp://h?inflight=0", "inflight must be 1 to 256"),
        ("modbus+tcp://h?baud=9600", "unknown option 'baud'"),
        ("modbus+rtu:///dev/x?buad=9600", "unknown option 'buad'\n.*did you mean 'baud'"),
        ("modbus+rtu:///dev/x?parity=X", "parity must be N, E or O, not X"),
        ("modbus+tcp://h?timeout=soon", "timeout must be seconds above 0 and up to 60, not soon"),
        ("modbus+tcp://h?timeout=nan", "timeout must be seconds"),
    ],
)
def test_a_wire_that_cannot_be_is_refused_by_name(wire: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        modbus_wire(parse_wire(wire))


def test_functions_have_the_standards_codes() -> None:
    assert [int(function) for function in Function] == [1, 2, 3, 4, 5, 6, 15, 16, 22, 23, 43]
