"""Frames are found wherever the wire cut them and whatever lies around them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.modbus import FrameError, TcpReader, pdu, rtu, tcp
from testbed.protocols.modbus.pdu import Function
from testbed.protocols.modbus.rtu import RtuClientReader, RtuServerReader, encode_frame

READ = pdu.read(Function.READ_INPUT_REGISTERS, 0, 2)
ANSWER = bytes.fromhex("04 04 41 A0 00 00")
WRITE = pdu.write_registers(7, b"\0\1\0\2")

pdus = st.binary(min_size=1, max_size=pdu.MAX_PDU)
frames = st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 255), pdus), max_size=5)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


# TCP ------------------------------------------------------------------------------------------------


@given(frames, st.lists(st.integers(0, 2000), max_size=6))
def test_tcp_frames_survive_the_wire_cut_anywhere(
    sent: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    reader = TcpReader()
    stream = b"".join(tcp.encode_frame(*frame) for frame in sent)
    assert [frame for part in cut(stream, places) for frame in reader.feed(part)] == sent


@given(st.binary(max_size=600))
def test_any_bytes_on_tcp_are_frames_or_a_frame_error(data: bytes) -> None:
    sizes, errors = [], []
    try:
        for _, _, found in TcpReader().feed(data):
            sizes.append(len(found))
    except FrameError as error:
        errors.append(str(error))
    assert all(1 <= size <= pdu.MAX_PDU for size in sizes)
    assert all("not Modbus/TCP" in text for text in errors)


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        ("0001 4854 0006 01", "protocol id 0x4854"),
        ("0001 0000 0001 01", "a frame of 1 bytes"),
        ("0001 0000 00FF 01", "a frame of 255 bytes"),
    ],
)
def test_a_header_that_cannot_be_is_named_after_the_frames_before_it(header: str, wrong: str) -> None:
    good = tcp.encode_frame(1, 1, ANSWER)
    found = TcpReader().feed(good + bytes.fromhex(header))
    assert next(found) == (1, 1, ANSWER)
    with pytest.raises(FrameError, match=wrong):
        next(found)


def test_when_the_listener_stops_between_two_frames_the_second_is_not_lost() -> None:
    reader = TcpReader()
    two = tcp.encode_frame(1, 1, ANSWER) + tcp.encode_frame(2, 1, ANSWER)
    assert next(reader.feed(two)) == (1, 1, ANSWER)
    assert list(reader.feed(b"")) == [(2, 1, ANSWER)]


# RTU, the controller's side ---------------------------------------------------------------------------


def expecting(transaction: pdu.Transaction = READ, unit: int = 3) -> RtuClientReader:
    reader = RtuClientReader(unit)
    reader.expect(transaction)
    return reader


@given(st.lists(st.integers(0, 20), max_size=6))
def test_a_response_survives_the_line_cut_anywhere(places: list[int]) -> None:
    reader = expecting()
    found = [reader.feed(part) for part in cut(encode_frame(3, ANSWER), places)]
    assert [each for each in found if each is not None] == [ANSWER]


@given(st.binary(max_size=60).filter(lambda garbage: 3 not in garbage))
def test_garbage_before_a_response_is_stepped_over(garbage: bytes) -> None:
    assert expecting().feed(garbage + encode_frame(3, ANSWER)) == ANSWER


def test_a_response_is_found_behind_the_first_half_of_itself() -> None:
    whole = encode_frame(3, ANSWER)
    for stop in range(len(whole)):
        assert expecting().feed(whole[:stop] + whole) == ANSWER


@pytest.mark.parametrize(
    ("unit", "other", "why"),
    [
        (4, ANSWER, "another unit"),
        (3, bytes.fromhex("03 04 41 A0 00 00"), "another function"),
        (3, bytes.fromhex("04 02 41 A0"), "another byte count"),
        (3, bytes.fromhex("83 02"), "an exception to another function"),
        (3, WRITE.prefix, "the echo of a write"),
    ],
)
def test_a_stale_response_is_not_taken_for_ours_and_ours_is_found_behind_it(
    unit: int, other: bytes, why: str
) -> None:
    reader = expecting()
    assert reader.feed(encode_frame(unit, other)) is None
    assert reader.feed(encode_frame(3, ANSWER)) == ANSWER


def test_our_response_inside_the_data_of_a_stale_one_is_not_taken() -> None:
    disguise = pdu.read_response(Function.READ_INPUT_REGISTERS, b"\0" + encode_frame(3, ANSWER) + b"\0\0")
    reader = expecting()
    assert reader.feed(encode_frame(3, disguise)) is None
    assert reader.feed(encode_frame(3, ANSWER)) == ANSWER


def test_the_echo_of_another_address_is_not_taken() -> None:
    reader = expecting(WRITE)
    assert reader.feed(encode_frame(3, pdu.write_registers(8, b"\0\1\0\2").prefix)) is None
    assert reader.feed(encode_frame(3, WRITE.prefix)) == WRITE.prefix


def test_a_damaged_response_is_none_and_can_be_shown() -> None:
    reader = expecting()
    damaged = bytearray(encode_frame(3, ANSWER))
    damaged[5] ^= 1
    assert reader.feed(bytes(damaged)) is None
    assert reader.received().startswith("9 bytes came that are no response to it: 03 04 04 41 a0")


def test_an_exception_is_the_response_too() -> None:
    assert expecting().feed(encode_frame(3, bytes.fromhex("84 02"))) == bytes.fromhex("84 02")


def test_what_came_before_the_question_belongs_to_nobody() -> None:
    reader = RtuClientReader(3)
    assert reader.feed(encode_frame(3, ANSWER)) is None
    reader.expect(READ)
    assert reader.received() == ""
    assert reader.feed(b"") is None


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_never_hurt_the_controller(chunks: list[bytes]) -> None:
    reader = expecting()
    for chunk in chunks:
        found = reader.feed(chunk)
        assert found is None or pdu.is_answer(READ, found) or pdu.exception_of(READ, found) is not None


# RTU, the device's side -------------------------------------------------------------------------------

REQUESTS = [
    READ.pdu,
    WRITE.pdu,
    pdu.write_coil(1, True).pdu,
    pdu.write_register(1, b"\1\2").pdu,
    pdu.write_coils(0, [True] * 9).pdu,
    bytes.fromhex("07"),
    bytes.fromhex("08 0000 A537"),
    bytes.fromhex("11"),
    bytes.fromhex("16 0004 00F2 0025"),
    bytes.fromhex("17 0003 0002 000E 0001 02 00FF"),
    bytes.fromhex("18 04DE"),
    bytes.fromhex("2B 0E 01 00"),
]


@given(st.lists(st.sampled_from(REQUESTS), max_size=5), st.lists(st.integers(0, 100), max_size=6))
def test_requests_survive_the_line_cut_anywhere(sent: list[bytes], places: list[int]) -> None:
    reader = RtuServerReader(3)
    stream = b"".join(encode_frame(3, request) for request in sent)
    found = [each for part in cut(stream, places) for each in reader.feed(1, part)]
    assert found == [(3, request) for request in sent]


def test_requests_to_others_are_skipped_and_those_to_all_are_taken() -> None:
    stream = encode_frame(4, READ.pdu) + encode_frame(rtu.BROADCAST, WRITE.pdu) + encode_frame(3, READ.pdu)
    assert RtuServerReader(3).feed(0, stream) == [(0, WRITE.pdu), (3, READ.pdu)]


def test_half_a_request_is_given_up_after_a_silence() -> None:
    reader = RtuServerReader(3)
    half = encode_frame(3, pdu.write_registers(0, bytes(200)).pdu)[:20]
    assert reader.feed(0, half) == []
    assert reader.feed(1, encode_frame(3, READ.pdu)) == [], "it may be the data of the write"
    assert reader.feed(300_000_000, encode_frame(3, READ.pdu)) == [(3, READ.pdu)]


def test_a_request_with_an_unknown_function_is_a_frame_when_all_of_it_is_sound() -> None:
    assert RtuServerReader(3).feed(0, encode_frame(3, b"\x41\x01\x02")) == [(3, b"\x41\x01\x02")]


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_never_hurt_the_device(chunks: list[bytes]) -> None:
    reader = RtuServerReader(3)
    for chunk in chunks:
        assert all(unit in (0, 3) and found for unit, found in reader.feed(0, chunk))
    assert reader.feed(10**9, encode_frame(3, READ.pdu)) == [(3, READ.pdu)]


@pytest.mark.parametrize(
    ("baud", "microseconds"), [(9600, 4010), (19200, 2005), (38400, 1750), (115200, 1750)]
)
def test_the_silence_between_frames_is_the_standards(baud: int, microseconds: int) -> None:
    assert rtu.silence_ns(baud) / 1000 == pytest.approx(microseconds, abs=1)
