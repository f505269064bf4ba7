"""Plain MQTT payloads: what is written is read again, damage is told, wrong profiles are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import make_device
from testbed.bench.document import parse_document
from testbed.bench.problems import BenchFileError
from testbed.bench.profile import read_profile
from testbed.bench.wires import parse_wire
from testbed.errors import UsageError
from testbed.protocols.mqtt import MqttPlan
from testbed.protocols.mqtt.mask import MqttMask
from testbed.protocols.mqtt.payload import fill_in, pattern_of
from testbed.protocols.mqtt.pointer import look_up, put, tokens_of

numbers = st.floats(-1e9, 1e9, allow_nan=False)


def plan_of(name: str, wire: str = "mqtt://broker/hall/dut") -> MqttPlan:
    device = make_device(name, wire)
    return MqttPlan.of(device.profile, device.wire, "dut")


def plan_from(text: str) -> MqttPlan:
    profile = read_profile(parse_document("profile.yaml", text))
    return MqttPlan.of(profile, parse_wire("mqtt://broker/hall/dut"), "dut")


# JSON pointers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_rfc_6901_are_found(pointer: str, found: Any) -> None:
    document = json.loads(
        r'{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6,'
        r'" ": 7, "m~n": 8}'
    )
    assert look_up(document, tokens_of(pointer)) == found


@given(st.lists(st.text(max_size=5), max_size=4), numbers)
def test_what_is_put_somewhere_is_found_there(tokens: list[str], value: float) -> None:
    tokens = [token if not token.isdigit() else str(int(token) % 5) for token in tokens if token.isascii()]
    pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
    assert look_up(put(None, tokens_of(pointer), value), tokens_of(pointer)) == value


# Readings -----------------------------------------------------------------------------------------


@given(numbers, numbers)
def test_what_a_device_composes_is_read_again(position: float, temperature: float) -> None:
    plan, values = plan_of("mqtt/valve-controller"), {"position": position, "temperature": temperature}
    read = dict(plan.read("hall/dut/state", plan.compose("hall/dut/state", values.__getitem__)))
    assert read == pytest.approx(values, rel=1e-9, abs=1e-9)


def test_a_message_as_zigbee2mqtt_sends_it_is_read_and_what_it_lacks_is_not_told() -> None:
    message = b'{"current":0.02,"linkquality":120,"power":4.5,"state":"ON","update":{"state":"idle"}}'
    read = dict(
        plan_of("mqtt/smart-plug", "mqtt://broker/zigbee2mqtt/plug").read("zigbee2mqtt/plug", message)
    )
    assert read == {"state": 1.0, "power": 4.5, "current": 0.02, "link": 120.0}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no number: ''"),
        (b"warm", "no number: 'warm'"),
        (b"nan", "no number"),
        (b"1e999", "no number"),
        (b"\xff", "no text"),
    ],
)
def test_a_value_that_is_none_is_told(payload: bytes, words: str) -> None:
    ((name, error),) = plan_of("mqtt/climate-sensor").read("hall/dut/temperature", payload)
    assert name == "temperature"
    assert isinstance(error, ValueError)
    assert words in str(error)


@given(st.binary())
def test_whatever_a_message_holds_it_is_numbers_or_errors(payload: bytes) -> None:
    for plan, topic in (
        (plan_of("mqtt/smart-plug"), "hall/dut"),
        (plan_of("mqtt/climate-sensor"), "hall/dut/humidity"),
    ):
        assert all(isinstance(found, float | ValueError) for _, found in plan.read(topic, payload))


# Commands -----------------------------------------------------------------------------------------


@given(numbers, st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
def test_a_command_is_understood_with_its_id(value: float, command_id: str) -> None:
    route = plan_of("mqtt/valve-controller").commands["opening"]
    asked, named = route.asked(route.command(value, command_id))
    assert asked == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert named == command_id


@given(
    st.sampled_from(["{value}", "{id}:{value}", '{"v": {value}, "again": {value}}', "a.*{value}(b"]), numbers
)
def test_a_template_finds_again_what_it_was_filled_with(template: str, value: float) -> None:
    match = pattern_of(template).fullmatch(fill_in(template, value, "17").decode())
    assert match is not None
    assert float(match["value"]) == value


def test_a_recorded_command_is_the_same_whatever_its_id() -> None:
    device = make_device("mqtt/valve-controller", "mqtt://broker/hall/dut")
    mask, plan = MqttMask(device.profile, device.wire, "dut"), plan_of("mqtt/valve-controller")
    route = plan.commands["opening"]
    one, other = (mask.request(route.topic, route.command(40.0, each)) for each in ("aa", "bb"))
    assert one.content == other.content
    assert (one.tag, other.tag) == ("aa", "bb")
    answer = mask.patched(plan.acknowledgement("aa"), "aa", "bb")
    assert mask.answer("hall/dut/ack", answer).tag == "bb"


# What is refused ----------------------------------------------------------------------------------

HEAD = "profile: p\nprotocol: mqtt\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("signals: {a: {topic: t}}", "write access: notify"),
        ("signals: {a: {topic: '{nowhere}/t', access: notify}}", "none of base, prefix, device"),
        ("signals: {a: {topic: 't/#', access: notify}}", "none to publish to"),
        ("signals: {a: {topic: t, pointer: a, access: notify}}", "pointer"),
        (
            "signals: {a: {topic: t, access: notify}, b: {topic: t, pointer: /b, access: notify}}",
            "share the topic",
        ),
        ("signals: {a: {topic: t, payload: 'on', access: write, safe: 0}}", "has no {value}"),
        ("signals: {a: {topic: t, access: write, safe: 0, confirm: b}}", "no signal that is sent"),
        ("acknowledge: {topic: t/ack}\nsignals: {a: {topic: t, access: write, safe: 0}}", "has no {id}"),
        ("resend: 5 s\nsignals: {a: {topic: t, access: write, safe: 0}}", "would apply it twice"),
    ],
)
def test_a_profile_that_cannot_work_is_refused(text: str, words: str) -> None:
    with pytest.raises(BenchFileError) as caught:
        plan_from(HEAD + text)
    assert words in str(caught.value)


@pytest.mark.parametrize("wire", ["mqtt://broker", "mqtt://broker:1883/", "mqtt:///hall/dut"])
def test_a_wire_without_a_device_is_refused(wire: str) -> None:
    with pytest.raises(UsageError, match="PREFIX/DEVICE"):
        plan_of("mqtt/smart-plug", wire)
