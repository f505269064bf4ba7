"""Masks cut any bytes, and see past counters, ids and checksums and past nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.cobs import ANSWER, Frame, encode_frame
from testbed.protocols.cobs.mask import CobsMask
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.lorawan import things_stack
from testbed.protocols.lorawan.chirpstack import Ack, Downlink, LogEntry, parse_event, print_downlink
from testbed.protocols.lorawan.mask import ChirpstackMask, ThingsStackMask
from testbed.protocols.mask import Asked, Heard
from testbed.protocols.modbus import pdu, rtu, tcp
from testbed.protocols.modbus.mask import RtuMask, TcpMask
from testbed.protocols.modbus.pdu import Function
from testbed.protocols.scpi.mask import ScpiMask

CRC = CATALOGUE["crc16-ccitt-false"]
STREAMS = [TcpMask(), RtuMask(), ScpiMask(), CobsMask(CRC)]

READ = pdu.read(Function.READ_INPUT_REGISTERS, 7, 2).pdu
WRITE = pdu.write_registers(7, b"\0\1\0\2").pdu


def sizes(found: Sequence[Asked | Heard]) -> list[int]:
    return [each.size for each in found]


@pytest.mark.parametrize("mask", STREAMS, ids=lambda mask: type(mask).__name__)
@given(st.binary(max_size=300))
def test_any_bytes_are_cut_into_pieces_that_are_never_empty_nor_too_long(mask: Any, data: bytes) -> None:
    for found in (mask.requests(data), mask.answers(data)):
        assert all(size > 0 for size in sizes(found))
        assert sum(sizes(found)) <= len(data)


@pytest.mark.parametrize("mask", STREAMS, ids=lambda mask: type(mask).__name__)
@given(data=st.data())
def test_a_stream_is_cut_the_same_wherever_it_arrives_in_parts(mask: Any, data: st.DataObject) -> None:
    whole = data.draw(streams(mask))
    at = data.draw(st.integers(0, len(whole)))
    taken = sum(sizes(mask.requests(whole[:at])))
    cut = sizes(mask.requests(whole[:at])) + sizes(mask.requests(whole[taken:]))
    assert cut == sizes(mask.requests(whole))
    assert sum(cut) == len(whole)


def streams(mask: Any) -> st.SearchStrategy[bytes]:
    """Return whole requests of a mask's protocol, end to end."""
    pdus = st.sampled_from([READ, WRITE])
    numbers = st.integers(0, 0xFFFF)
    if isinstance(mask, TcpMask):
        one = st.builds(lambda number, body: tcp.encode_frame(number, 1, body), numbers, pdus)
    elif isinstance(mask, RtuMask):
        one = st.builds(lambda unit, body: rtu.encode_frame(unit, body), st.integers(0, 247), pdus)
    elif isinstance(mask, ScpiMask):
        one = st.sampled_from([b"*CLS\n", b"MEAS:TEMP?\r\n", b"VOLT CH1,5\n"])
    else:
        one = st.builds(
            lambda kind, number, payload: encode_frame(Frame(kind, number, payload), CRC),
            st.integers(0x10, 0x7F), st.integers(0, 255), st.binary(max_size=30),
        )  # fmt: skip
    return st.lists(one, max_size=5).map(b"".join)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_modbus_tcp_sees_past_the_transaction_id(first: int, second: int) -> None:
    mask = TcpMask()
    one, two = (mask.requests(tcp.encode_frame(number, 1, READ))[0] for number in (first, second))
    assert (one.place, one.content) == (two.place, two.content)
    answer = tcp.encode_frame(first, 1, pdu.read_response(4, b"\0\1\0\2"))
    assert mask.answers(answer) == [Heard(len(answer), first)]
    assert mask.patched(answer, first, second) == tcp.encode_frame(second, 1, answer[7:])


def test_a_modbus_write_is_about_its_register_and_a_read_about_all_that_it_reads() -> None:
    def place(body: bytes) -> Any:
        return TcpMask().requests(tcp.encode_frame(1, 1, body))[0].place

    assert place(WRITE) == place(pdu.write_registers(7, b"\7\7\7\7").pdu)
    assert place(WRITE) != place(pdu.write_registers(8, b"\0\1\0\2").pdu)
    assert place(READ) != place(pdu.read(Function.READ_INPUT_REGISTERS, 7, 4).pdu)


def test_an_rtu_answer_is_found_among_noise_and_belongs_to_unit_and_function() -> None:
    answer = rtu.encode_frame(3, pdu.read_response(4, b"\0\1\0\2"))
    found = RtuMask().answers(b"\xff\xfe" + answer)
    assert found == [Heard(1), Heard(1), Heard(len(answer), (3, 4))]
    refusal = rtu.encode_frame(3, pdu.exception_response(4, 2))
    assert RtuMask().answers(refusal) == [Heard(len(refusal), (3, 4))]
    assert RtuMask().requests(rtu.encode_frame(3, READ))[0].tag == (3, 4)


def test_an_rtu_request_with_a_wrong_checksum_is_noise() -> None:
    damaged = rtu.encode_frame(3, READ)[:-1] + b"\0"
    assert {each.place for each in RtuMask().requests(damaged)} == {None}


def test_a_scpi_setting_is_about_all_but_its_value() -> None:
    asked = ScpiMask().requests(b"VOLT CH1,5\nVOLT CH1,6\nVOLT CH2,6\nVOLT 5\nMEAS?\n")
    assert [each.place for each in asked] == [b"VOLT CH1", b"VOLT CH1", b"VOLT CH2", b"VOLT ", b"MEAS?"]
    assert [each.tag is not None for each in asked] == [False] * 4 + [True]


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=250))
def test_cobs_sees_past_sequence_and_checksum(first: int, second: int, payload: bytes) -> None:
    mask = CobsMask(CRC)
    one, two = (
        mask.requests(encode_frame(Frame(0x10, number, payload), CRC))[0] for number in (first, second)
    )
    assert (one.place, one.content) == (two.place, two.content)
    answer = encode_frame(Frame(0x10 | ANSWER, first, payload), CRC)
    assert mask.answers(answer) == [Heard(len(answer), one.tag)]
    assert mask.patched(answer, one.tag, two.tag) == encode_frame(Frame(0x90, second, payload), CRC)
    assert mask.answers(encode_frame(Frame(1, first, payload), CRC))[0].tag is None


TOPIC = "application/1/device/70b3d57ed0000001/command/down"


def test_chirpstack_sees_past_id_and_expiry() -> None:
    def asked(item: str, expires_ns: int, data: bytes) -> Asked:
        downlink = Downlink("70b3d57ed0000001", 2, data, True, item, expires_ns)
        return ChirpstackMask().request(TOPIC, print_downlink(downlink))

    one, two = asked("a-1", 1_000_000_000, b"\1"), asked("b-2", 9_000_000_000, b"\1")
    assert (one.place, one.content, one.tag) == (two.place, two.content, "a-1")
    other = asked("a-1", 1_000_000_000, b"\2")
    assert other.place == one.place
    assert other.content != one.content


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("ack", {"queueItemId": "a-1", "acknowledged": True}),
        ("log", {"level": "ERROR", "code": "EXPIRED", "context": {"queue_item_id": "a-1"}}),
    ],
)
def test_chirpstack_events_answer_the_downlink_that_they_name(kind: str, event: dict[str, Any]) -> None:
    payload = json.dumps({"deviceInfo": {"devEui": "70b3d57ed0000001"}, **event}).encode()
    assert ChirpstackMask().answer(payload) == Heard(len(payload), "a-1")
    patched = ChirpstackMask().patched(payload, "a-1", "b-2")
    told = parse_event(f"application/1/device/70b3d57ed0000001/event/{kind}", patched)
    assert isinstance(told, Ack | LogEntry)
    named = told.queue_item_id if isinstance(told, Ack) else told.context["queue_item_id"]
    assert named == "b-2"


@given(st.binary(max_size=60))
def test_chirpstack_takes_any_message(payload: bytes) -> None:
    assert ChirpstackMask().request(TOPIC, payload).size == len(payload)
    assert ChirpstackMask().answer(payload).size == len(payload)


THINGS = things_stack.ThingsAddress("app1", "dev1")


def test_the_things_stack_s_correlation_ids_are_seen_past() -> None:
    def asked(item: str, data: bytes = b"\x42") -> Asked:
        downlink = Downlink("dev1", 10, data, True, item)
        return ThingsStackMask().request(THINGS.downlink, things_stack.print_downlink(downlink))

    assert asked("a-1").content == asked("b-2").content != asked("a-1", b"\x43").content
    assert asked("a-1").tag == "testbed:a-1"
    cleared = ThingsStackMask().request(THINGS.replacement, things_stack.CLEAR)
    assert (cleared.place, cleared.tag) == ((THINGS.replacement, ""), None)


@pytest.mark.parametrize("event", ["downlink_ack", "downlink_failed"])
def test_the_things_stack_s_events_answer_the_downlink_whose_id_they_have(event: str) -> None:
    downlink = {"f_port": 10, "correlation_ids": ["as:downlink:1", "testbed:a-1"]}
    about = {"downlink": downlink} if event == "downlink_failed" else downlink
    payload = things_stack.printed({"end_device_ids": {"device_id": "dev1"}, event: about})
    assert ThingsStackMask().answer(payload) == Heard(len(payload), "testbed:a-1")
    patched = ThingsStackMask().patched(payload, "testbed:a-1", "testbed:b-2")
    assert ThingsStackMask().answer(patched).tag == "testbed:b-2"


@given(st.binary(max_size=100))
def test_the_things_stack_s_mask_takes_any_message(payload: bytes) -> None:
    assert ThingsStackMask().request(THINGS.downlink, payload).size == len(payload)
    assert ThingsStackMask().answer(payload).size == len(payload)
