"""Device identification (function 43/14) is asked and read as pymodbus does it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import ReadDeviceInformationRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from testbed.protocols.modbus import complaint, is_answer, rtu
from testbed.protocols.modbus.identity import (
    Level,
    describe_identity,
    parse_identity,
    read_identity,
    response_length,
)

texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
identities = st.dictionaries(st.integers(0, 6), texts, min_size=1)


def encoded(theirs: Any) -> bytes:
    return bytes([theirs.function_code]) + bytes(theirs.encode())


def response(objects: dict[int, str]) -> bytes:
    information = {key: text.encode() for key, text in objects.items()}
    return encoded(ReadDeviceInformationResponse(read_code=1, information=information))


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("first", [0, 4, 0x80])
def test_the_request_is_that_of_pymodbus(level: Level, first: int) -> None:
    theirs = ReadDeviceInformationRequest(read_code=level, object_id=first)
    assert read_identity(level, first).pdu == encoded(theirs)


@given(identities)
def test_what_pymodbus_answers_is_read_and_nothing_follows(objects: dict[int, str]) -> None:
    pdu = response(objects)
    assert is_answer(read_identity(), pdu)
    assert parse_identity(pdu) == (objects, -1)


@given(identities, st.data())
def test_half_a_response_is_not_whole_and_never_read(objects: dict[int, str], data: st.DataObject) -> None:
    pdu = response(objects)
    half = pdu[: data.draw(st.integers(0, len(pdu) - 1))]
    assert response_length(half) > len(half)
    with pytest.raises(ValueError, match="malformed device identification"):
        parse_identity(half)


@given(identities, st.integers(1, 60))
def test_on_a_line_a_response_is_found_however_it_is_cut(objects: dict[int, str], size: int) -> None:
    reader = rtu.RtuClientReader(3)
    reader.expect(read_identity())
    frame = b"\x00\x03\x2b" + rtu.encode_frame(3, response(objects))  # after half a frame, as garbage
    found = [reader.feed(frame[at : at + size]) for at in range(0, len(frame), size)]
    assert found[-1] == response(objects)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    pdu = read_identity().prefix + data
    try:
        parse_identity(pdu)
    except ValueError:
        assert "malformed" in complaint(read_identity(), pdu)


def test_more_to_come_says_where_it_goes_on() -> None:
    assert parse_identity(bytes.fromhex("2b0e01 02 ff 02 01 00 02 4142")) == ({0: "AB"}, 2)


def test_it_is_told_in_one_line() -> None:
    assert describe_identity({0: "ACME", 1: "TC-2", 2: "V1.4", 4: "Thermal chamber"}) == (
        "ACME TC-2 V1.4 (Thermal chamber)"
    )
    assert describe_identity({4: "Thermal chamber"}) == "Thermal chamber"
    assert describe_identity({}) == ""
