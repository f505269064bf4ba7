"""Sparkplug B: payloads as another implementation sends them, and what a host makes of a node's messages."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.document import parse_document
from testbed.bench.problems import BenchFileError
from testbed.bench.profile import read_profile
from testbed.bench.wires import parse_wire
from testbed.errors import UsageError
from testbed.protocols.sparkplug import (
    Born,
    DataType,
    Died,
    EdgeAddress,
    Gap,
    Heard,
    Metric,
    NodeSession,
    Payload,
    SparkplugPlan,
    decode_payload,
    edge_address,
    encode_payload,
)
from testbed.protocols.sparkplug.mask import SparkplugMask
from testbed.protocols.sparkplug.node import News
from testbed.protocols.sparkplug.payload import number_of, value_for

# Made with pysparkplug 0.6.1, which carries the protobuf definition of Eclipse Tahu.
NBIRTH = bytes.fromhex(
    "0880d095ffbc3112120a0562645365711880d095ffbc312004580712210a144e6f646520436f6e74726f6c2f526562697274681880d095"
    "ffbc31200b700112120a02693810011880d095ffbc31200150fb0112140a0369313610021880d095ffbc31200250d4fd0312160a036933"
    "3210031880d095ffbc3120035090ddfbff0f121b0a0369363410041880d095ffbc312004588080808080e0ffffff0112120a0275381005"
    "1880d095ffbc31200550fa0112140a0375313610061880d095ffbc31200650e8fb0312160a0375333210071880d095ffbc3120075080d0"
    "acf30e121b0a0375363410081880d095ffbc312008588180808080808080800112130a016610091880d095ffbc312009650000c03f1217"
    "0a0164100a1880d095ffbc31200a699a9999999999b9bf12100a0162100b1880d095ffbc31200b700112120a0173100c1880d095ffbc31"
    "200c7a026f6e12130a046e6f6e65100d1880d095ffbc31200a38011800"
)
NDEATH = bytes.fromhex("0880d095ffbc3112120a0562645365711880d095ffbc3120045807")
DDATA = bytes.fromhex("0881d095ffbc31120d10021881d095ffbc3150d3fd031801")

VALUES: dict[str, Any] = {
    "bdSeq": 7, "i8": -5, "i16": -300, "i32": -70000, "i64": -(2**40), "u8": 250, "u16": 65000,
    "u32": 4 * 10**9, "u64": 2**63 + 1, "f": 1.5, "d": -0.1, "b": True, "s": "on", "none": None,
}  # fmt: skip

NODE = EdgeAddress("plant", "line")
whole_types = st.sampled_from([each for each in DataType if each.bits])


# Payloads -----------------------------------------------------------------------------------------


def test_a_birth_of_another_implementation_is_read_with_every_type() -> None:
    payload = decode_payload(NBIRTH)
    assert (payload.timestamp_ms, payload.seq) == (1_700_000_000_000, 0)
    assert {each.name: each.value for each in payload.metrics if each.name in VALUES} == VALUES
    assert [each.alias for each in payload.metrics[2:]] == list(range(1, 14))


def test_a_death_is_written_byte_for_byte_as_another_implementation_writes_it() -> None:
    metric = Metric("bdSeq", 7, DataType.INT64, None, 1_700_000_000_000)
    assert encode_payload(Payload(1_700_000_000_000, (metric,))) == NDEATH


def test_a_birth_that_was_read_is_written_again_with_the_same_meaning() -> None:
    payload = decode_payload(NBIRTH)
    assert decode_payload(encode_payload(payload)) == payload


@given(whole_types, st.data())
def test_whole_numbers_of_every_type_come_back(datatype: DataType, data: st.DataObject) -> None:
    low = -(1 << datatype.bits - 1) if datatype.signed else 0
    value = data.draw(st.integers(low, low + (1 << datatype.bits) - 1))
    payload = Payload(1, (Metric("m", value, datatype),), 0)
    assert decode_payload(encode_payload(payload)) == payload


@given(st.integers(-128, 127))
def test_a_sign_that_fills_all_of_the_field_is_understood_too(value: int) -> None:
    # As implementations in Java send it: -1 as 0xFFFFFFFF, not as 0xFF.
    wide = encode_payload(Payload(1, (Metric("m", value & 0xFFFFFFFF, DataType.UINT32),), 0))
    narrow = wide.replace(bytes((0x20, DataType.UINT32)), bytes((0x20, DataType.INT8)))
    assert decode_payload(narrow).metrics[0].value == value


@given(st.floats(width=32, allow_nan=False), st.floats(allow_nan=False), st.booleans(), st.text(max_size=10))
def test_other_values_come_back(single: float, double: float, flag: bool, text: str) -> None:
    metrics = (
        Metric("f", single, DataType.FLOAT), Metric("d", double, DataType.DOUBLE),
        Metric("b", flag, DataType.BOOLEAN), Metric("s", text, DataType.STRING),
    )  # fmt: skip
    assert decode_payload(encode_payload(Payload(1, metrics, 0))).metrics == metrics


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_payload_or_a_value_error(data: bytes) -> None:
    session = NodeSession(NODE)
    for topic in ("spBv1.0/plant/NBIRTH/line", "spBv1.0/plant/NDATA/line"):
        with contextlib.suppress(ValueError):
            session.received(topic, data)


@given(st.sampled_from(list(DataType)), st.floats())
def test_a_number_becomes_a_value_of_the_type_or_does_not_fit(datatype: DataType, number: float) -> None:
    try:
        value = value_for(datatype, number)
        encode_payload(Payload(1, (Metric("m", value, datatype),), 0))
    except (ValueError, OverflowError):
        return
    if datatype.bits:
        assert value == round(number)


@pytest.mark.parametrize("value", [None, "warm", math.inf, 10**400])
def test_what_is_no_number_says_so(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no value|no number|inf|too large"):
        number_of(value)


# An edge node, as a host hears it --------------------------------------------------------------------


def message(session: NodeSession, kind: str, payload: Payload | bytes, device: str = "") -> list[News]:
    data = payload if isinstance(payload, bytes) else encode_payload(payload)
    return session.received(EdgeAddress("plant", "line", device).topic(kind), data)


def born(bd_seq: int = 7) -> NodeSession:
    session = NodeSession(NODE)
    metrics = (
        Metric("bdSeq", bd_seq, DataType.INT64),
        Metric("level", -3, DataType.INT16, alias=2),
    )
    message(session, "NBIRTH", Payload(1, metrics, 0))
    return session


def test_data_by_alias_have_the_name_and_the_sign_that_the_birth_told() -> None:
    session = NodeSession(NODE)
    news = message(session, "NBIRTH", NBIRTH)
    assert news[0] == Born("")
    (heard,) = message(session, "DDATA", DDATA, "press")
    assert isinstance(heard, Heard)
    assert [(each.name, each.value) for each in heard.metrics] == [("i16", -301)]
    untyped = Payload(1, (Metric("", 0xFFFE, DataType.UINT16, 2),), 2)  # its type is left out below
    stripped = encode_payload(untyped).replace(struct.pack("BB", 0x20, DataType.UINT16), b"")
    stripped = stripped.replace(b"\x12\x07", b"\x12\x05").replace(b"\x12\x08", b"\x12\x06")
    (heard,) = message(session, "NDATA", stripped)
    assert isinstance(heard, Heard)
    assert [(each.name, each.value) for each in heard.metrics] == [("i16", -2)]


def test_numbers_go_round_at_256_and_devices_share_them() -> None:
    session = born()
    assert message(session, "DBIRTH", Payload(1, (), 1), "press")[0] == Born("press")
    for seq in [*range(2, 256), *range(3)]:
        assert not [each for each in message(session, "NDATA", Payload(1, (), seq)) if isinstance(each, Gap)]


@pytest.mark.parametrize("seq", [0, 2, 255, None])
def test_a_missing_message_is_a_gap_and_nothing_counts_until_the_next_birth(seq: int | None) -> None:
    session = born()
    (gap,) = message(session, "NDATA", Payload(1, (), seq))
    assert isinstance(gap, Gap)
    assert "expected 1" in gap.reason
    assert message(session, "NDATA", Payload(1, (), 1)) == []
    assert message(session, "NBIRTH", Payload(1, (Metric("bdSeq", 7, DataType.INT64),), 0))[0] == Born("")
    assert message(session, "NDATA", Payload(1, (), 1)) == [Heard("", ())]


def test_an_alias_that_no_birth_told_is_a_gap() -> None:
    (gap,) = message(born(), "NDATA", Payload(1, (Metric("", 1, DataType.INT16, 99),), 1))
    assert gap == Gap("NDATA has the alias 99, which no birth told")


def test_the_will_of_an_earlier_connection_is_no_death() -> None:
    session = born(bd_seq=8)
    assert message(session, "NDEATH", NDEATH) == []  # that of 7
    assert message(born(bd_seq=7), "NDEATH", NDEATH) == [Died("")]


def test_a_device_dies_alone() -> None:
    session = born()
    message(session, "DBIRTH", Payload(1, (), 1), "press")
    assert message(session, "DDEATH", Payload(1, (), 2), "press") == [Died("press")]
    assert session.alive


def test_commands_and_other_nodes_are_passed_over() -> None:
    session = born()
    assert message(session, "NCMD", Payload(1, ())) == []
    assert session.received("spBv1.0/plant/NDATA/other", encode_payload(Payload(1, (), 5))) == []


def test_a_recorded_command_is_the_same_at_any_time() -> None:
    mask = SparkplugMask()
    one, other = (
        mask.request(
            "spBv1.0/plant/NCMD/line", encode_payload(Payload(at, (Metric("a", 1.5, DataType.FLOAT),)))
        )
        for at in (1000, 2000)
    )
    assert one.content == other.content
    online = mask.request("spBv1.0/STATE/host", b'{"online": true, "timestamp": 1}')
    assert online.content == mask.request("spBv1.0/STATE/host", b'{"online": true, "timestamp": 2}').content


# Wires and profiles ---------------------------------------------------------------------------------


def test_a_wire_names_a_node_or_a_device() -> None:
    assert edge_address("d", parse_wire("sparkplug+mqtt://b/plant/line")) == NODE
    assert edge_address("d", parse_wire("sparkplug+mqtt://b/plant/line/press")) == EdgeAddress(
        "plant", "line", "press"
    )
    for path in ("", "/plant", "/a/b/c/d", "/a//c", "/a/+"):
        with pytest.raises(UsageError, match="GROUP/NODE"):
            edge_address("d", parse_wire(f"sparkplug+mqtt://b{path}"))


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ("a: {metric: m}", "write access: notify"),
        ("a: {metric: m, type: String, access: notify}", "no type of a number"),
        ("a: {metric: m, scale: 0, access: notify}", "scale is 0"),
        ("a: {metric: m, access: notify}, b: {metric: m, access: notify}", "are one metric"),
    ],
)
def test_a_profile_that_cannot_work_is_refused(signals: str, words: str) -> None:
    text = f"profile: p\nprotocol: sparkplug\nsignals: {{{signals}}}"
    with pytest.raises(BenchFileError) as caught:
        SparkplugPlan.of(read_profile(parse_document("p.yaml", text)))
    assert words in str(caught.value)
