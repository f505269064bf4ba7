"""Datagrams of the packet forwarder: PROTOCOL.TXT's own examples, and whatever else may come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.semtech import (
    Datagram,
    Kind,
    Received,
    Transmission,
    received_of,
    tx_error_of,
)

# PROTOCOL.TXT, section 4, the third packet of the example (its size was corrected there neither)
RXPK = {
    "time": "2013-03-31T16:21:17.532038Z", "tmst": 3316387610, "chan": 0, "rfch": 0, "freq": 863.00981,
    "stat": 1, "modu": "LORA", "datr": "SF10BW125", "codr": "4/7", "rssi": -38, "lsnr": 5.5, "size": 32,
    "data": "ysgRl452xNLep9S1NTIg2lomKDxUgn3DJ7DE+b00Ass",
}  # fmt: skip


def test_the_documented_reception_is_read() -> None:
    received = Received.of(RXPK)
    assert received.frequency == 863_009_810
    assert (received.spreading_factor, received.tmst, received.rssi, received.snr) == (
        10,
        3316387610,
        -38,
        5.5,
    )
    assert len(received.phy) == 32


def test_the_documented_transmission_is_read() -> None:
    # section 6, the first example, at a time and with its size
    text = (
        '{"txpk":{"imme":false,"tmst":1,"freq":864.123456,"rfch":0,"powe":14,"modu":"LORA","datr":"SF11BW125",'
        '"codr":"4/6","ipol":false,"size":32,"data":"H3P3N2i9qc4yt7rK7ldqoeCVJGBybzPY5h1Dd7P7p8s"}}'
    )
    found = Transmission.of(json.loads(text))
    assert (found.frequency, found.power, found.spreading_factor, len(found.phy)) == (864_123_456, 14, 11, 32)


def test_datagrams_have_the_documented_heads() -> None:
    push = Datagram(Kind.PUSH_DATA, 0x1234, 0xAA555A0000000101, {"rxpk": [RXPK]}).encode()
    assert push[:12].hex() == "02123400aa555a0000000101"
    assert Datagram(Kind.PUSH_ACK, 0x1234).encode().hex() == "02123401"
    assert Datagram(Kind.PULL_DATA, 0x1234, 0xAA555A0000000101).encode().hex() == "02123402aa555a0000000101"
    assert received_of(Datagram.decode(push)) == [Received.of(RXPK)]


RECEIVED = st.builds(
    Received,
    time=st.just("2026-01-01T00:00:00.000000Z"),
    tmst=st.integers(0, 0xFFFFFFFF),
    channel=st.integers(0, 7),
    frequency=st.sampled_from([868_100_000, 867_900_000]),
    spreading_factor=st.integers(7, 12),
    rssi=st.integers(-140, 0),
    snr=st.integers(-80, 60).map(lambda quarter: quarter / 4),
    phy=st.binary(min_size=1, max_size=250),
)


@given(st.lists(RECEIVED, max_size=3), st.integers(0, 0xFFFF), st.integers(0, (1 << 64) - 1))
def test_receptions_come_through(received: list[Received], token: int, gateway: int) -> None:
    content = {"rxpk": [each.content() for each in received]} if received else None
    datagram = Datagram(Kind.PUSH_DATA, token, gateway, content)
    assert Datagram.decode(datagram.encode()) == datagram
    assert received_of(Datagram.decode(datagram.encode())) == received


@given(st.integers(0, 0xFFFFFFFF), st.integers(7, 12), st.binary(min_size=1, max_size=250))
def test_transmissions_come_through(tmst: int, factor: int, phy: bytes) -> None:
    sent = Transmission(tmst, 869_525_000, 27, factor, phy)
    datagram = Datagram(Kind.PULL_RESP, 7, content=sent.content())
    assert Transmission.of(Datagram.decode(datagram.encode()).content) == sent


def test_a_gateway_says_why_it_does_not_send() -> None:
    late = Datagram(Kind.TX_ACK, 1, 2, {"txpk_ack": {"error": "TOO_LATE"}})
    assert tx_error_of(Datagram.decode(late.encode())) == "TOO_LATE"
    assert tx_error_of(Datagram(Kind.TX_ACK, 1, 2)) == "NONE"


@given(
    st.binary(max_size=80)
    | st.tuples(st.integers(0, 6), st.binary(max_size=60)).map(lambda p: bytes((2, 0, 0, p[0])) + p[1])
    | st.dictionaries(st.sampled_from(["rxpk", "txpk"]), st.lists(st.none()) | st.dictionaries(
        st.sampled_from(list(RXPK)), st.none() | st.text(max_size=3) | st.integers()
    )).map(lambda content: bytes((2, 0, 0, 0)) + bytes(8) + json.dumps(content).encode())
)  # fmt: skip
def test_whatever_comes_the_only_error_is_a_value_error(data: bytes) -> None:
    try:
        datagram = Datagram.decode(data)
        received_of(datagram)
        Transmission.of(datagram.content)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datr": 50000}, "SF7BW125 to SF12BW125"),
        ({"data": "*"}, "base64"),
        ({"size": 31}, "expected 32 bytes, got 31"),
        ({"lsnr": None}, "expected a number"),
    ],
)
def test_a_reception_that_cannot_be_says_what_was_expected(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Received.of(RXPK | change)
