"""Modbus as text: frames of the standard, whatever stands around them, and what reads them on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerAscii
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from testbed.protocols.modbus.lines import (
    AsciiClientReader,
    AsciiServerReader,
    decode_frame,
    encode_frame,
    lrc,
)
from testbed.protocols.modbus.mask import AsciiMask
from testbed.protocols.modbus.pdu import Function, read

UNITS, PDUS = st.integers(1, 247), st.binary(min_size=1, max_size=253)
NOISE = st.text("0123456789ABCDEF xyz", max_size=12).map(str.encode)
ANSWER = b"\x03\x04\x00\x01\x00\x02"


def test_a_frame_is_that_of_another_implementation():
    pdu = ReadHoldingRegistersRequest(address=0x6B, count=3, dev_id=17)
    assert encode_frame(17, b"\x03\x00\x6b\x00\x03") == FramerAscii(DecodePDU(False)).buildFrame(pdu)
    assert encode_frame(17, b"\x03\x00\x6b\x00\x03") == b":1103006B00037E\r\n"


@given(st.binary(max_size=300))
def test_the_check_makes_the_sum_of_all_bytes_zero(data):
    assert (sum(data) + lrc(data)) & 0xFF == 0


@given(UNITS, PDUS)
def test_what_is_encoded_is_decoded(unit, pdu):
    frame = encode_frame(unit, pdu)
    assert (frame[:1], frame[-2:]) == (b":", b"\r\n")
    assert decode_frame(frame) == (unit, pdu)
    assert decode_frame(frame.lower()) == (unit, pdu)


@given(UNITS, PDUS, st.data())
def test_a_changed_digit_is_found(unit, pdu, data):
    frame = bytearray(encode_frame(unit, pdu))
    place = data.draw(st.integers(1, len(frame) - 3))
    frame[place] = data.draw(st.sampled_from(b"0123456789ABCDEF").filter(lambda digit: digit != frame[place]))
    assert decode_frame(bytes(frame)) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_read_without_an_error(data):
    decode_frame(data)
    AsciiServerReader(1).feed(0, data)
    AsciiMask().requests(data)
    AsciiMask().answers(data)


@given(st.lists(st.tuples(NOISE, PDUS), max_size=4), st.lists(st.integers(1, 40), max_size=30))
def test_a_server_finds_its_requests_between_noise_however_they_are_cut(parts, cuts):
    stream = b"".join(noise + encode_frame(5, pdu) + encode_frame(6, pdu) for noise, pdu in parts)
    reader, found = AsciiServerReader(5), []
    for size in [*cuts, len(stream)]:
        found += reader.feed(0, stream[:size])
        stream = stream[size:]
    assert found == [(5, pdu) for _, pdu in parts]


def test_a_client_takes_the_answer_to_its_request_and_nothing_else():
    reader = AsciiClientReader(5)
    reader.expect(read(Function.READ_HOLDING_REGISTERS, 0, 2))
    assert reader.feed(encode_frame(6, ANSWER)) is None
    assert reader.feed(encode_frame(5, b"\x04" + ANSWER[1:])) is None
    assert reader.feed(encode_frame(5, ANSWER)[:-4]) is None
    assert "characters came that are no response" in reader.received()
    assert reader.feed(encode_frame(5, ANSWER)[-4:]) == ANSWER
    reader.expect(read(Function.READ_HOLDING_REGISTERS, 0, 2))
    assert reader.feed(encode_frame(5, b"\x83\x02")) == b"\x83\x02"


@given(st.lists(st.tuples(UNITS, PDUS), max_size=5))
def test_a_recorded_stream_is_cut_into_what_was_asked_and_answered(frames):
    data = b"".join(encode_frame(unit, pdu) for unit, pdu in frames)
    mask = AsciiMask()
    assert sum(asked.size for asked in mask.requests(data)) == len(data)
    assert sum(heard.size for heard in mask.answers(data)) == len(data)


@pytest.mark.parametrize("frame", [b"", b":", b":\r\n", b":11\r\n", b":1103\r\n", b":1103006B00037F\r\n"])
def test_too_little_or_a_wrong_check_is_no_frame(frame):
    assert decode_frame(frame) is None
