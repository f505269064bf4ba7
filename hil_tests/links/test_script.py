"""A recording plays the device, exactly to the controller that it was made with, else as far as it goes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from testbed.links.base import Direction
from testbed.links.played import Asked, Delivery, Loss, Opened, Parting, Refused, Rules, WaitUntil
from testbed.protocols.cobs import ANSWER, Frame, encode_frame
from testbed.protocols.cobs.mask import CobsMask
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.modbus import pdu, tcp
from testbed.protocols.modbus.mask import TcpMask
from testbed.protocols.modbus.pdu import Function
from testbed.protocols.scpi.mask import ScpiMask

from .playing import MS, Controller, mark, play, rx, tx
from .playing import Frame as Recorded

CRC = CATALOGUE["crc16-ccitt-false"]
COBS, MODBUS, SCPI = CobsMask(CRC), TcpMask(), ScpiMask()


def cobs(kind: int, sequence: int, payload: bytes) -> bytes:
    return encode_frame(Frame(kind, sequence & 0xFF, payload), CRC)


def telemetry(number: int) -> bytes:
    return cobs(1, number, number.to_bytes(4, "little"))


def read(number: int, address: int) -> bytes:
    return tcp.encode_frame(number, 1, pdu.read(Function.READ_INPUT_REGISTERS, address, 1).pdu)


def value(number: int, held: int) -> bytes:
    return tcp.encode_frame(number, 1, pdu.read_response(4, held.to_bytes(2, "big")))


# Recordings that could have been ------------------------------------------------------------------

payloads = st.binary(min_size=1, max_size=8)
happenings = st.lists(
    st.tuples(
        st.sampled_from(["telemetry", "command", "noise"]),
        st.integers(1, 400),  # ms since the last one
        st.integers(0x10, 0x13),
        payloads,
    ),
    max_size=30,
)


def all_different(happened: list[tuple[str, int, int, bytes]]) -> list[tuple[str, int, int, bytes]]:
    """Return the same with other payloads: of requests that are equal any may be taken for any other."""
    return [
        (what, pause, kind, bytes([number]) + payload)
        for number, (what, pause, kind, payload) in enumerate(happened)
    ]


def record(happened: list[tuple[str, int, int, bytes]], first_sequence: int = 0) -> list[Recorded]:
    """Return a board's recording: commands are answered after 1 ms."""
    frames: list[Recorded] = []
    ms, sent, counted = 1000, first_sequence, 0
    for what, pause, kind, payload in happened:
        ms += pause + 2
        if what == "telemetry":
            frames.append(rx(ms, telemetry(counted)))
            counted += 1
        elif what == "noise":
            frames.append(rx(ms, payload.replace(b"\0", b"\1") + b"\0"))
        else:
            frames += [tx(ms, cobs(kind, sent, payload)), rx(ms + 1, cobs(kind | ANSWER, sent, b"\0"))]
            sent += 1
    return frames


def cut_up(frames: list[Recorded], chance: random.Random) -> list[Recorded]:
    """Return the same bytes at the same times or a little later, cut and joined as a serial port does."""
    frames = list(frames)
    for at in range(len(frames) - 1, 0, -1):
        time_ns, direction, data = frames[at]
        before_ns, before, first = frames[at - 1]
        if direction is before is Direction.RX and chance.random() < 0.6:
            edge = chance.randrange(len(data) + 1)
            frames[at - 1] = (before_ns, Direction.RX, first + data[:edge])
            frames[at : at + 1] = [(time_ns, Direction.RX, data[edge:])] if data[edge:] else []
    return frames


@given(happenings, st.randoms(use_true_random=False))
def test_a_recording_replays_against_itself_byte_for_byte_and_chunk_for_chunk(
    happened: list[tuple[str, int, int, bytes]], chance: random.Random
) -> None:
    frames = cut_up(record(happened), chance)
    played = play(frames, COBS, frames)
    assert played.told == []
    assert played.bytes == [(time_ns, data) for time_ns, direction, data in frames if direction == 0]
    assert all(now_ns == each.time_ns for now_ns, each in played.heard)


@given(happenings, st.integers(0, 255))
def test_answers_carry_the_sequence_of_whoever_asks_now(
    happened: list[tuple[str, int, int, bytes]], first: int
) -> None:
    as_now = record(happened, first)
    played = play(record(happened), COBS, as_now)
    assert played.told == []
    assert played.bytes == [(time_ns, data) for time_ns, direction, data in as_now if direction == 0]


@given(happenings, st.integers(-400, 400))
def test_a_controller_that_is_early_or_late_hears_the_recorded_times(
    happened: list[tuple[str, int, int, bytes]], shift: int
) -> None:
    frames = record(all_different([each for each in happened if each[0] != "noise"]))
    sent = [(time_ns + shift * MS, direction, data) for time_ns, direction, data in frames]
    played = play(frames, COBS, sent)
    assert sorted(played.bytes) == sorted((at, data) for at, direction, data in frames if direction == 0)
    assert all(now_ns >= each.time_ns for now_ns, each in played.heard)
    assert played.told == []


polls = st.lists(st.permutations(range(4)), min_size=1, max_size=8)


@given(polls, polls)
def test_polls_of_different_signals_may_change_places(
    recorded: list[list[int]], asked: list[list[int]]
) -> None:
    rounds = min(len(recorded), len(asked))

    def polling(orders: list[list[int]]) -> list[Recorded]:
        frames: list[Recorded] = []
        for number, order in enumerate(orders[:rounds]):
            for place, address in enumerate(order):
                ms, count = 100 * number + 0.3 * place + 1, 4 * number + place
                frames += [
                    tx(ms, read(count, address)),
                    rx(ms + 0.2, value(count, address * 100 + number)),
                ]
        return frames

    played = play(polling(recorded), MODBUS, polling(asked))
    assert played.told == []
    wanted = {data for _, direction, data in polling(asked) if direction == 0}
    assert {data for _, data in played.bytes} == wanted  # each under the id of its own request


@given(happenings.filter(lambda happened: any(what == "command" for what, *_ in happened)), st.data())
def test_one_flipped_bit_in_one_recorded_request_is_found_and_named(
    happened: list[tuple[str, int, int, bytes]], data: st.DataObject
) -> None:
    frames = record(all_different(happened))
    at = data.draw(st.sampled_from([i for i, frame in enumerate(frames) if frame[1] == Direction.TX]))
    time_ns, _, request = frames[at]
    bit = data.draw(st.integers(0, 8 * len(request) - 1))
    flipped = bytearray(request)
    flipped[bit // 8] ^= 1 << bit % 8
    played = play([*frames[:at], (time_ns, Direction.TX, bytes(flipped)), *frames[at + 1 :]], COBS, frames)
    asked, *missed = played.divergences
    assert (asked.time_ns, asked.parting, asked.data) == (time_ns, Parting.ASKED, request)
    assert asked.nearest is not None
    assert asked.nearest[0] == time_ns
    assert b"".join(each.data for each in missed) == bytes(flipped)
    assert {(each.time_ns, each.parting) for each in missed} == {(time_ns, Parting.MISSED)}


# What a recording does not hold -------------------------------------------------------------------

FRAMES = [
    tx(100, read(1, 7)),
    rx(101, value(1, 70)),
    tx(200, read(2, 7)),
    rx(201, value(2, 71)),
    tx(900, read(3, 7)),
    rx(901, value(3, 72)),
]


def test_an_early_request_waits_for_the_recorded_answer() -> None:
    controller = Controller(FRAMES, MODBUS)
    controller.send(60, read(9, 7))
    controller.until(100.9)
    assert controller.played.bytes == []
    controller.until(101)
    assert controller.played.bytes == [(101 * MS, value(9, 70))]


def test_a_late_request_is_answered_at_once_with_the_recorded_time() -> None:
    controller = Controller(FRAMES, MODBUS)
    controller.send(130, read(9, 7))
    assert controller.played.heard == [(130 * MS, Delivery(101 * MS, value(9, 70)))]


def test_a_request_that_was_left_out_does_not_shift_those_after_it() -> None:
    controller = Controller(FRAMES, MODBUS)
    controller.send(200, read(1, 7))
    controller.until(202)
    assert controller.played.bytes == [(201 * MS, value(1, 71))]
    controller.send(900, read(2, 7))
    assert controller.end(2000).told == [
        "at 0.100 s the controller never asked, which the recording does: 00 01 00 00 00 06 01 04 00 07 00 01"
    ]


def test_a_request_with_no_counterpart_within_the_window_gets_no_answer() -> None:
    controller = Controller(FRAMES, MODBUS)
    controller.send(100, read(1, 7))
    controller.send(201, read(2, 7))
    controller.send(210, read(3, 7))
    controller.until(800)
    assert [data for _, data in controller.played.bytes] == [value(1, 70), value(2, 71)]
    assert controller.played.told == [
        "at 0.210 s the controller asked, which the recording does not: 00 03 00 00 00 06 01 04 00 07 00 01; "
        "the nearest recorded is 00 03 00 00 00 06 01 04 00 07 00 01 at 0.900 s"
    ]


def test_another_request_is_shown_beside_the_nearest_recorded_one() -> None:
    frames = [tx(100, b"VOLT 5\n"), tx(100, b"SYST:ERR?\n"), rx(102, b'0,"No error"\n')]
    controller = Controller(frames, SCPI)
    controller.send(100, b"VOLT 6\n")
    assert controller.played.told == [
        "at 0.100 s the controller asked, which the recording does not: 'VOLT 6'; "
        "the nearest recorded is 'VOLT 5' at 0.100 s"
    ]


def test_unasked_data_goes_on_beside_a_request_that_is_never_made() -> None:
    frames = [
        rx(100, telemetry(0)),
        tx(101, cobs(0x10, 0, b"\1")),
        rx(110, cobs(0x90, 0, b"\0") + telemetry(1)),
        rx(120, telemetry(2)),
    ]
    played = Controller(frames, COBS).end(1000)
    assert [data for _, data in played.bytes] == [telemetry(0), telemetry(1), telemetry(2)]
    assert [each.parting for each in played.divergences] == [Parting.MISSED]


def test_an_answer_whose_first_half_has_come_is_completed_before_anything_else() -> None:
    one, two = cobs(0x90, 0, b"\0"), cobs(0x91, 1, b"\0")
    frames = [
        tx(100, cobs(0x10, 0, b"\1")),
        tx(101, cobs(0x11, 1, b"\1")),
        rx(102, two),
        rx(110, one[:3]),
        rx(150, one[3:]),
    ]
    controller = Controller(frames, COBS)
    controller.send(100, cobs(0x10, 0, b"\1"))
    controller.until(120)
    controller.send(120, cobs(0x11, 1, b"\1"))
    assert b"".join(data for _, data in controller.end(200).bytes) == one + two


def test_after_its_end_a_recording_answers_nothing_and_complains_of_nothing() -> None:
    controller = Controller(FRAMES, MODBUS, end_ms=902)
    for ms in (100, 200, 900):
        controller.send(ms, read(1, 7))
    controller.send(903, read(2, 8))
    assert controller.end(2000).told == []
    assert len(controller.played.bytes) == 3


def test_a_poll_that_was_due_in_the_moment_of_the_end_need_not_be_made_again() -> None:
    frames = [tx(100, b"MEAS?\n"), rx(101, b"20\n"), tx(200, b"MEAS?\n"), tx(200, b"VOLT 0\n")]
    controller = Controller(frames, SCPI, end_ms=200)
    controller.send(100, b"MEAS?\n")
    divergences = controller.end(1000).divergences
    assert [each.parting for each in divergences] == [Parting.MISSED]
    assert "VOLT 0" in str(divergences[0])


def test_a_request_sent_in_pieces_is_one_request() -> None:
    controller = Controller(FRAMES, MODBUS)
    controller.send(100, read(1, 7)[:5])
    controller.send(101, read(1, 7)[5:])
    assert controller.played.bytes == [(101 * MS, value(1, 70))]


def test_where_the_rules_allow_it_a_request_may_be_skipped_beside_one_that_was_made() -> None:
    controller = Controller(FRAMES, MODBUS, rules=Rules(skips=True))
    controller.send(200, read(1, 7))
    played = controller.end(2000)
    assert [each.time_ns for each in played.divergences] == [900 * MS]
    assert controller.script.skipped == 1


def test_a_request_that_was_asked_instead_of_another_is_no_skipped_one() -> None:
    frames = [
        frame
        for number in range(10)
        for frame in (
            tx(100 * number + 100, read(number, 7 if number != 4 else 8)),
            tx(100 * number + 150, read(number, 8)),
        )
    ]
    controller = Controller(frames, MODBUS, rules=Rules(skips=True))
    for number in range(9):
        controller.send(100 * number + 100, read(number, 7))
        controller.send(100 * number + 150, read(number, 8))
    told = [(each.time_ns, each.parting) for each in controller.end(1040).divergences]
    assert told == [(500 * MS, Parting.MISSED)]


def about(slack: float) -> Rules:
    """Return rules under which a setting may be off by `slack`."""

    def volts(asked: Asked) -> float:
        return float(asked.content.rpartition(b" ")[2])

    def fits(asked: Asked, others: Sequence[Asked], held_ns: int) -> bool:
        values = [volts(each) for each in others]
        return bool(values) and min(values) - slack <= volts(asked) <= max(values) + slack

    return Rules(fits=fits, skips=True)


SETTINGS = [tx(100 + 10 * number, b"VOLT %d\n" % number) for number in range(10)]


def test_where_the_rules_allow_it_a_request_may_be_near() -> None:
    controller = Controller(SETTINGS, SCPI, rules=about(0.5))
    for number in range(10):
        controller.send(100 + 10 * number, b"VOLT %.1f\n" % (number + 0.4))
    assert controller.end(1000).told == []


def test_a_request_that_comes_late_may_stand_between_those_around_it() -> None:
    controller = Controller(SETTINGS, SCPI, rules=about(0.5))
    for number in range(10):
        controller.send(100 + 10 * number + 25, b"VOLT %d\n" % number)
    assert controller.end(1000).told == []


def test_a_request_beyond_those_around_it_is_told() -> None:
    controller = Controller(SETTINGS, SCPI, rules=about(0.5))
    controller.send(190, b"VOLT 9.6\n")
    assert [each.data for each in controller.played.divergences] == [b"VOLT 9.6\n"]


def test_a_recorded_request_that_stands_out_is_neither_taken_nor_skipped() -> None:
    frames = [*SETTINGS[:5], tx(150, b"VOLT 500\n"), *SETTINGS[6:]]
    controller = Controller(frames, SCPI, rules=about(0.5))
    for number in range(9):  # one less: the next one has stood in for the one that stands out
        controller.send(100 + 10 * number, b"VOLT %d\n" % number)
    assert [(each.parting, each.data) for each in controller.end(1000).divergences] == [
        (Parting.MISSED, b"VOLT 500\n")
    ]


# Links that come and go -----------------------------------------------------------------------------

COMING_AND_GOING = [
    mark(100, Direction.OPEN),
    rx(110, telemetry(0)),
    mark(200, Direction.LOST, "read failed: Input/output error"),
    mark(300, Direction.LOST, "cannot open serial port: No such file"),
    mark(500, Direction.OPEN),
    rx(510, telemetry(1)),
]


def test_a_link_is_opened_lost_refused_and_opened_again_as_recorded() -> None:
    controller = Controller(COMING_AND_GOING, COBS, opened=False)
    script = controller.script
    assert script.open(0) == WaitUntil(100 * MS, refused=False)
    assert script.open(100 * MS) == Opened(b"")
    controller.until(250)
    assert controller.played.heard[-1] == (200 * MS, Loss(200 * MS, "read failed: Input/output error"))
    assert script.open(250 * MS) == WaitUntil(300 * MS, refused=True)
    assert script.open(300 * MS) == Refused("cannot open serial port: No such file")
    assert script.open(400 * MS) == WaitUntil(500 * MS, refused=False)
    assert script.open(500 * MS) == Opened(b"")
    assert [data for _, data in controller.end(600).bytes] == [telemetry(0), telemetry(1)]
    assert controller.played.told == []


def test_what_cannot_wait_is_opened_a_little_early() -> None:
    controller = Controller(COMING_AND_GOING, COBS, opened=False)
    assert controller.script.open(99 * MS, wait=False) == Opened(b"")


def test_attempts_that_the_controller_did_not_make_are_passed_over() -> None:
    controller = Controller(COMING_AND_GOING, COBS, opened=False)
    controller.until(505)
    assert controller.script.open(505 * MS) == Opened(b"")
    assert [data for _, data in controller.end(600).bytes] == [telemetry(1)]
    assert controller.played.told == [
        "at 0.100 s the controller never opened the link, which the recording does"
    ]


def test_a_link_that_the_controller_closes_itself_is_opened_again_as_recorded() -> None:
    frames = [
        mark(100, Direction.OPEN),
        mark(300, Direction.LOST, "it is open already"),  # of an attempt: the controller had closed it
        mark(500, Direction.OPEN),
        rx(510, telemetry(0)),
    ]
    controller = Controller(frames, COBS, opened=False)
    script = controller.script
    assert script.open(100 * MS) == Opened(b"")
    controller.until(200)
    script.close()
    assert script.open(210 * MS) == WaitUntil(300 * MS, refused=True)
    assert script.open(300 * MS) == Refused("it is open already")
    assert script.open(500 * MS) == Opened(b"")
    assert len(controller.end(600).bytes) == 1
    assert controller.played.told == []


def test_one_more_connection_than_recorded_is_told_and_refused() -> None:
    controller = Controller([mark(100, Direction.OPEN)], COBS, opened=False)
    assert controller.script.open(100 * MS) == Opened(b"")
    controller.script.close()
    assert isinstance(controller.script.open(200 * MS), Refused)
    assert controller.played.told == [
        "at 0.200 s the controller opened the link, which the recording does not"
    ]


def test_a_link_that_is_never_opened_is_told() -> None:
    controller = Controller([mark(100, Direction.OPEN), rx(110, telemetry(0))], COBS, opened=False)
    assert controller.end(1000).told == [
        "at 0.100 s the controller never opened the link, which the recording does"
    ]
    assert controller.played.bytes == []


def test_an_attempt_after_the_last_recorded_loss_waits_for_ever_as_the_recorded_one_did() -> None:
    frames = [mark(100, Direction.OPEN), mark(200, Direction.LOST, "the device disconnected")]
    controller = Controller(frames, COBS, opened=False)
    script = controller.script
    assert script.open(100 * MS) == Opened(b"")
    controller.until(250)
    waits = script.open(300 * MS)
    assert isinstance(waits, WaitUntil)
    assert waits.time_ns > 1e6 * MS
    assert controller.played.told == []
