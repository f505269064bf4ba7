"""Units behind one gateway: every answer goes back to who asked, under the id that he asked with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.modbus import TcpReader, TransactionJunction
from testbed.protocols.modbus.tcp import encode_frame

ASKED = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=1, max_size=9)
    ),
    max_size=20,
)


@given(ASKED, st.randoms(), st.integers(1, 40))
def test_answers_in_any_order_cut_anywhere_find_who_asked(
    asked: list[tuple[int, int, int, bytes]], chance: object, cut: int
) -> None:
    junction, gateway = TransactionJunction(), TcpReader()
    answers: list[bytes] = []
    for branch, number, unit, pdu in asked:
        for ours, at, sent in gateway.feed(junction.sent(branch, encode_frame(number, unit, pdu))):
            assert (at, sent) == (unit, pdu)
            answers.append(encode_frame(ours, at, sent))
    chance.shuffle(answers)  # type: ignore[attr-defined]
    stream = b"".join(answers)
    heard = [part for at in range(0, len(stream), cut) for part in junction.received(stream[at : at + cut])]
    assert sorted(heard) == sorted(
        (branch, encode_frame(number, unit, pdu)) for branch, number, unit, pdu in asked
    )


def test_half_a_request_waits_for_the_other_half_and_nobody_gets_into_it() -> None:
    junction = TransactionJunction()
    whole = encode_frame(7, 1, b"\x03\x00\x00\x00\x01")
    assert junction.sent(1, whole[:5]) == b""
    assert [unit for _, unit, _ in TcpReader().feed(junction.sent(2, encode_frame(9, 2, b"\x07")))] == [2]
    assert [unit for _, unit, _ in TcpReader().feed(junction.sent(1, whole[5:]))] == [1]


def test_an_answer_that_comes_twice_or_to_nobody_is_dropped() -> None:
    junction = TransactionJunction()
    ((ours, _, _),) = TcpReader().feed(junction.sent(1, encode_frame(500, 1, b"\x07")))
    answer = encode_frame(ours, 1, b"\x07\x00")
    assert list(junction.received(answer + answer + encode_frame(4711, 1, b"\x07\x00"))) == [
        (1, encode_frame(500, 1, b"\x07\x00"))
    ]
