"""Our PDUs and frames are pymodbus' PDUs and frames, in both directions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ReadCoilsRequest, ReadHoldingRegistersRequest
from pymodbus.pdu.bit_message import (
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsRequest,
    WriteMultipleCoilsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from testbed.protocols.modbus import pdu as codec
from testbed.protocols.modbus import rtu, tcp
from testbed.protocols.modbus.pdu import ExceptionCode, Function, Refusal

addresses = st.integers(0, 0xFFFF)
units = st.integers(1, 247)
registers = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123)
bits = st.lists(st.booleans(), min_size=1, max_size=300)

READS: list[tuple[Function, Any, Any, int]] = [
    (Function.READ_COILS, ReadCoilsRequest, ReadCoilsResponse, 2000),
    (Function.READ_DISCRETE_INPUTS, ReadDiscreteInputsRequest, ReadDiscreteInputsResponse, 2000),
    (Function.READ_HOLDING_REGISTERS, ReadHoldingRegistersRequest, ReadHoldingRegistersResponse, 125),
    (Function.READ_INPUT_REGISTERS, ReadInputRegistersRequest, ReadInputRegistersResponse, 125),
]


def encoded(theirs: Any) -> bytes:
    return bytes([theirs.function_code]) + theirs.encode()


def words(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


# Requests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "request_class", "_response", "limit"), READS)
@given(data=st.data())
def test_a_read_is_encoded_and_parsed_as_pymodbus_does(
    function: Function, request_class: Any, _response: Any, limit: int, data: st.DataObject
) -> None:
    address, count = data.draw(addresses), data.draw(st.integers(1, limit))
    theirs = encoded(request_class(address=address, count=count))
    assert codec.read(function, address, count).pdu == theirs
    assert codec.parse_read(theirs) == (address, count)


@given(addresses, st.booleans())
def test_a_coil_write_is_encoded_and_parsed_as_pymodbus_does(address: int, on: bool) -> None:
    theirs = encoded(WriteSingleCoilRequest(address=address, bits=[on]))
    assert codec.write_coil(address, on).pdu == theirs
    assert codec.parse_write_coil(theirs) == (address, on)


@given(addresses, st.integers(0, 0xFFFF))
def test_a_register_write_is_encoded_and_parsed_as_pymodbus_does(address: int, value: int) -> None:
    theirs = encoded(WriteSingleRegisterRequest(address=address, registers=[value]))
    assert codec.write_register(address, value.to_bytes(2, "big")).pdu == theirs
    assert codec.parse_write_register(theirs) == (address, value.to_bytes(2, "big"))


@given(addresses, bits)
def test_a_write_of_coils_is_encoded_and_parsed_as_pymodbus_does(address: int, states: list[bool]) -> None:
    theirs = encoded(WriteMultipleCoilsRequest(address=address, bits=states))
    assert codec.write_coils(address, states).pdu == theirs
    assert codec.parse_write_coils(theirs) == (address, states)


@given(addresses, registers)
def test_a_write_of_registers_is_encoded_and_parsed_as_pymodbus_does(address: int, values: list[int]) -> None:
    theirs = encoded(WriteMultipleRegistersRequest(address=address, registers=values))
    assert codec.write_registers(address, words(values)).pdu == theirs
    assert codec.parse_write_registers(theirs) == (address, words(values))


PARSERS = [
    codec.parse_read,
    codec.parse_write_coil,
    codec.parse_write_register,
    codec.parse_write_coils,
    codec.parse_write_registers,
]


@given(addresses, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_a_write_of_bits_is_encoded_as_pymodbus_does(address: int, keep: int, put: int) -> None:
    request = codec.mask_write(address, keep, put)
    assert request.pdu == encoded(MaskWriteRegisterRequest(address=address, and_mask=keep, or_mask=put))
    assert codec.is_answer(request, request.pdu)


@given(addresses, registers.filter(lambda values: len(values) <= 121))
def test_a_write_that_is_read_back_is_encoded_as_pymodbus_does(address: int, values: list[int]) -> None:
    request = codec.write_and_read(address, words(values))
    assert request.pdu == encoded(
        ReadWriteMultipleRegistersRequest(
            read_address=address, read_count=len(values), write_address=address, write_registers=values
        )
    )
    answer = codec.read_response(23, words(values))
    assert codec.is_answer(request, answer)
    assert codec.not_as_written(request, answer) == ""
    other = answer[:-1] + bytes((answer[-1] ^ 1,))
    assert "but holds" in codec.not_as_written(request, other)


@pytest.mark.parametrize("parse", PARSERS)
@given(body=st.binary(max_size=300), function=st.integers(1, 16))
def test_any_bytes_are_parsed_or_refused(parse: Any, body: bytes, function: int) -> None:
    refusals = []
    try:
        parse(bytes([function]) + body)
    except Refusal as refusal:
        refusals.append(refusal.code)
    assert set(refusals) <= {ExceptionCode.ILLEGAL_DATA_VALUE}


@pytest.mark.parametrize(
    ("parse", "request_hex", "why"),
    [
        (codec.parse_read, "03 0000 0000", "no register"),
        (codec.parse_read, "03 0000 007E", "126 registers"),
        (codec.parse_read, "01 0000 07D1", "2001 coils"),
        (codec.parse_read, "04 0000", "too short"),
        (codec.parse_write_coil, "05 0000 0001", "neither on nor off"),
        (codec.parse_write_register, "06 0000 01", "too short"),
        (codec.parse_write_registers, "10 0000 0002 04 0001", "two registers promised, one sent"),
        (codec.parse_write_registers, "10 0000 0002 02 0001", "byte count of one for two"),
        (codec.parse_write_registers, "10 0000 0000 00", "none"),
        (codec.parse_write_coils, "0F 0000 0009 01 FF", "nine coils in a byte"),
    ],
)
def test_what_the_standard_forbids_is_an_illegal_data_value(parse: Any, request_hex: str, why: str) -> None:
    with pytest.raises(Refusal, match="illegal data value"):
        parse(bytes.fromhex(request_hex))


# Responses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "_request", "response_class", "_limit"), READS[2:])
@given(values=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125))
def test_read_registers_come_back_as_pymodbus_sends_and_reads_them(
    function: Function, _request: Any, response_class: Any, _limit: int, values: list[int]
) -> None:
    theirs = encoded(response_class(registers=values))
    assert codec.read_response(function, words(values)) == theirs
    assert codec.is_answer(codec.read(function, 0, len(values)), theirs)
    decoded = DecodePDU(is_server=False).decode(codec.read_response(function, words(values)))
    assert decoded is not None
    assert decoded.registers == values


@pytest.mark.parametrize(("function", "_request", "response_class", "_limit"), READS[:2])
@given(states=bits)
def test_read_bits_come_back_as_pymodbus_sends_and_reads_them(
    function: Function, _request: Any, response_class: Any, _limit: int, states: list[bool]
) -> None:
    theirs = encoded(response_class(bits=states))
    packed = sum(state << index for index, state in enumerate(states)).to_bytes(
        -(-len(states) // 8), "little"
    )
    assert codec.read_response(function, packed) == theirs
    assert codec.is_answer(codec.read(function, 0, len(states)), theirs)
    decoded = DecodePDU(is_server=False).decode(theirs)
    assert decoded is not None
    assert decoded.bits[: len(states)] == states


@given(addresses, st.integers(0, 0xFFFF), st.booleans(), registers, bits)
def test_writes_are_acknowledged_as_pymodbus_does(
    address: int, value: int, on: bool, values: list[int], states: list[bool]
) -> None:
    pairs = [
        (codec.write_coil(address, on), WriteSingleCoilResponse(address=address, bits=[on])),
        (
            codec.write_register(address, value.to_bytes(2, "big")),
            WriteSingleRegisterResponse(address=address, registers=[value]),
        ),
        (codec.write_coils(address, states), WriteMultipleCoilsResponse(address=address, count=len(states))),
        (
            codec.write_registers(address, words(values)),
            WriteMultipleRegistersResponse(address=address, count=len(values)),
        ),
    ]
    for transaction, theirs in pairs:
        assert codec.is_answer(transaction, encoded(theirs))
        theirs.address ^= 1
        assert not codec.is_answer(transaction, encoded(theirs)), "the echo of another address"


@given(st.sampled_from(list(Function)), st.sampled_from(list(ExceptionCode)))
def test_exceptions_are_encoded_and_read_as_pymodbus_does(function: Function, code: ExceptionCode) -> None:
    theirs = encoded(ExceptionResponse(function, code))
    assert codec.exception_response(function, code) == theirs
    asked = codec.Transaction(bytes([function]), bytes([function]), 5)
    assert codec.exception_of(asked, theirs) == code
    assert code.name.lower().replace("_", " ") in codec.complaint(asked, theirs)


def test_an_exception_to_another_function_is_malformed() -> None:
    asked = codec.read(Function.READ_INPUT_REGISTERS, 0, 2)
    assert codec.exception_of(asked, b"\x83\x02") is None
    assert "malformed response: 2 bytes 83 02, expected 04 04" in codec.complaint(asked, b"\x83\x02")


def test_an_unknown_exception_is_named_by_its_number() -> None:
    assert codec.exception_name(77) == "unknown (exception 77)"


# Frames ---------------------------------------------------------------------------------------------

pdus = st.builds(
    lambda address, values: encoded(WriteMultipleRegistersRequest(address=address, registers=values)),
    addresses,
    registers,
)


@given(st.integers(0, 0xFFFF), units, pdus)
def test_a_tcp_frame_is_pymodbus_frame_in_both_directions(number: int, unit: int, pdu: bytes) -> None:
    framer = FramerSocket(DecodePDU(is_server=True))
    theirs = framer.encode(pdu, unit, number)
    assert tcp.encode_frame(number, unit, pdu) == theirs
    assert list(tcp.TcpReader().feed(theirs)) == [(number, unit, pdu)]
    assert framer.decode(theirs) == (len(theirs), unit, number, pdu)


@given(units, pdus)
def test_an_rtu_frame_is_pymodbus_frame_in_both_directions(unit: int, pdu: bytes) -> None:
    framer = FramerRTU(DecodePDU(is_server=True))
    theirs = framer.encode(pdu, unit, 0)
    assert rtu.encode_frame(unit, pdu) == theirs
    assert rtu.RtuServerReader(unit).feed(0, theirs) == [(unit, pdu)]
    assert framer.decode(theirs) == (len(theirs), unit, 0, pdu)


def test_the_standards_own_frames() -> None:
    # Modbus over Serial Line 1.02, 6.2.2: the CRC of 02 07 is 1241 hex, sent 41 12.
    assert rtu.encode_frame(2, b"\x07") == bytes.fromhex("02 07 41 12")
    # Messaging on TCP/IP Guide 1.0b, 4.4.2.1: read one holding register at 4, unit 255, transaction 1501 hex.
    request = codec.read(Function.READ_HOLDING_REGISTERS, 4, 1).pdu
    assert tcp.encode_frame(0x1501, 0xFF, request) == bytes.fromhex("15 01 00 00 00 06 FF 03 00 04 00 01")
