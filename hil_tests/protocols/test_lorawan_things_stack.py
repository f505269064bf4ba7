"""The Things Stack's messages: its documentation's own examples, and whatever else may come."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from testbed.bench.wires import parse_wire
from testbed.errors import UsageError
from testbed.protocols.lorawan.events import Ack, Downlink, LogEntry, TxAck, Uplink
from testbed.protocols.lorawan.servers import served_device
from testbed.protocols.lorawan.things_stack import (
    ThingsAddress,
    parse_downlinks,
    parse_event,
    print_downlink,
    printed,
    things_address,
)

DEVICE = ThingsAddress("app1@tenant1", "dev1")

# thethingsindustries.com/docs, "Data Formats", uplink message example; the rest of rx_metadata is left out
UPLINK = """{
  "end_device_ids" : {
    "device_id" : "dev1", "application_ids" : { "application_id" : "app1" },
    "dev_eui" : "0004A30B001C0530", "join_eui" : "800000000000000C", "dev_addr" : "00BCB929"
  },
  "correlation_ids" : [
    "as:up:01E0WZGT6Y7657CPFPE5WEYDSQ", "gs:conn:01E0WDEC6T5T4XXBAX7S1VMFKE",
    "gs:uplink:01E0WZGSZWT07NE5TS2APTV1Z9", "ns:uplink:01E0WZGSZXZXZS8RFAWZX0F2FY"
  ],
  "received_at" : "2020-02-12T15:15:46.014773143Z",
  "uplink_message" : {
    "session_key_id" : "AXA50tHUGUucuzS/bCGMNw==",
    "f_cnt" : 1,
    "f_port" : 1,
    "frm_payload" : "gkHe",
    "decoded_payload" : { "temperature": 1.0, "luminosity": 0.64 },
    "rx_metadata" : [ { "gateway_ids" : { "gateway_id" : "gtw1" }, "rssi" : -35, "snr" : 5 } ],
    "settings" : {
      "data_rate" : { "lora" : { "bandwidth" : 125000, "spreading_factor" : 7 } },
      "coding_rate" : "4/6", "frequency" : "868300000", "timestamp" : 2463457000
    },
    "consumed_airtime": "0.056576s",
    "received_at" : "2020-02-12T15:15:45.789585559Z"
  }
}"""

# the same page, downlink event and downlink failed examples
ACK = """{
  "end_device_ids" : { "device_id" : "dev1", "application_ids" : { "application_id" : "app1" } },
  "correlation_ids" : [ "as:downlink:01E19B99501X84X6CV471TVSZ1", "as:up:01E19B9J8ED6HZW5CC41KPGHVD" ],
  "downlink_ack" : {
    "session_key_id" : "AXBSp8v2brG0jqkri+sIkw==", "f_port" : 15, "f_cnt" : 1, "frm_payload" : "vu8=",
    "confirmed" : true, "priority" : "NORMAL",
    "correlation_ids" : [ "as:downlink:01E19B99501X84X6CV471TVSZ1" ]
  }
}"""
FAILED = """{
  "end_device_ids" : { "device_id" : "dev1", "application_ids" : { "application_id" : "app1" } },
  "correlation_ids" : [ "as:downlink:01E19Z5W3BZBG7CXSJE9C0A3CE" ],
  "downlink_failed" : {
    "downlink" : {
      "f_port" : 15, "frm_payload" : "vu8=", "confirmed" : true, "priority" : "NORMAL",
      "correlation_ids" : [ "as:downlink:01E19Z5W3BZBG7CXSJE9C0A3CE" ]
    },
    "error" : {
      "namespace" : "pkg/networkserver", "name" : "application_downlink_too_long",
      "message_format" : "application downlink payload is too long", "code" : 3
    }
  }
}"""


def test_the_documented_uplink_is_read() -> None:
    event = parse_event(DEVICE.event("up"), UPLINK.encode())
    assert event == Uplink("gs:uplink:01E0WZGSZWT07NE5TS2APTV1Z9", "00BCB929", 1, 1, base64.b64decode("gkHe"))


def test_the_documented_acknowledgement_and_failure_are_read() -> None:
    ack = parse_event(DEVICE.event("down/ack"), ACK.encode())
    assert ack == Ack("as:downlink:01E19B99501X84X6CV471TVSZ1", True)
    nack = parse_event(DEVICE.event("down/nack"), ACK.replace("downlink_ack", "downlink_nack").encode())
    assert nack == Ack("as:downlink:01E19B99501X84X6CV471TVSZ1", False)
    sent = parse_event(DEVICE.event("down/sent"), ACK.replace("downlink_ack", "downlink_sent").encode())
    assert sent == TxAck("as:downlink:01E19B99501X84X6CV471TVSZ1")
    assert parse_event(DEVICE.event("down/failed"), FAILED.encode()) == LogEntry(
        "ERROR",
        "application_downlink_too_long",
        "application downlink payload is too long",
        {"queue_item_id": "as:downlink:01E19Z5W3BZBG7CXSJE9C0A3CE"},
    )


def test_what_is_left_out_is_zero() -> None:
    message = json.loads(UPLINK)
    for key in ("f_cnt", "f_port", "frm_payload"):
        del message["uplink_message"][key]
    event = parse_event(DEVICE.event("up"), json.dumps(message).encode())
    assert isinstance(event, Uplink)
    assert (event.f_cnt, event.f_port, event.data) == (0, 0, b"")
    assert printed({"a": 0, "b": "", "c": [], "d": {"e": False}, "f": 1.5}) == b'{"f":1.5}'


@pytest.mark.parametrize("kind", ["join", "down/queued", "location/solved", "service/data"])
def test_events_that_say_nothing_about_signals_are_passed_over(kind: str) -> None:
    assert parse_event(DEVICE.event(kind), b"{}") is None


@given(st.binary(max_size=60), st.integers(1, 223), st.booleans(), st.uuids(version=4))
def test_a_downlink_comes_back_as_it_was(data: bytes, f_port: int, confirmed: bool, item: Any) -> None:
    downlink = Downlink("dev1", f_port, data, confirmed, str(item))
    (back,) = parse_downlinks(DEVICE.downlink, print_downlink(downlink))
    assert back.correlations == (f"testbed:{item}",)
    assert structs.replace(back, correlations=()) == downlink


def test_a_downlink_is_the_documented_one() -> None:
    # "MQTT Server", with a correlation id of one's own
    text = print_downlink(Downlink("dev1", 15, b"\xbe\xef", True, "1"))
    assert json.loads(text) == {
        "downlinks": [
            {
                "f_port": 15,
                "frm_payload": "vu8=",
                "confirmed": True,
                "priority": "NORMAL",
                "correlation_ids": ["testbed:1"],
            }
        ]
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON object"),
        ("[]", "JSON object"),
        ('{"end_device_ids":{"device_id":"dev2"}}', "'dev2', the topic's 'dev1'"),
        ('{"end_device_ids":3}', "end_device_ids: expected an object"),
        ('{"end_device_ids":{"device_id":"dev1"}}', "expected uplink_message, got end_device_ids"),
        ('{"end_device_ids":{"device_id":"dev1"},"uplink_message":[]}', "expected an object"),
        ('{"end_device_ids":{"device_id":"dev1"},"uplink_message":{"f_cnt":"1"}}', "f_cnt: expected a whole"),
        ('{"end_device_ids":{"device_id":"dev1"},"uplink_message":{"frm_payload":"*"}}', "base64"),
    ],
)
def test_a_damaged_event_says_what_was_expected(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_event(DEVICE.event("up"), text.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"downlinks":{}}', "list of objects"),
        ('{"downlinks":[{"f_port":224}]}', "not 224"),
        ('{"downlinks":[{"f_port":1,"confirmed":1}]}', "true or false"),
    ],
)
def test_a_damaged_command_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_downlinks(DEVICE.downlink, text.encode())


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["end_device_ids", "device_id", "uplink_message", "downlinks", "f_port"]), inner
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_the_only_error_is_a_value_error(payload: bytes) -> None:
    for read, topic in ((parse_event, DEVICE.event("up")), (parse_downlinks, DEVICE.downlink)):
        try:
            read(topic, payload)
        except ValueError as error:
            message = str(error)
            assert message


def test_a_wire_names_the_application_with_its_tenant_and_the_device() -> None:
    wire = parse_wire("ttn+mqtt://app1%40ttn:KEY@eu1.cloud.thethings.network/app1%40ttn/vent-1?tls=on")
    assert (wire.user, wire.password) == ("app1@ttn", "KEY")
    served = served_device("vent", wire)
    assert served.topics.downlink == "v3/app1@ttn/devices/vent-1/down/push"
    assert served.clearing == ("v3/app1@ttn/devices/vent-1/down/replace", b'{"downlinks":[]}')
    assert "v3/app1@ttn/devices/vent-1/up" in served.topics.subscriptions


@pytest.mark.parametrize("path", ["", "/app1", "/app1/Vent", "/app1/v", "/app1%40/vent", "/a/b/c"])
def test_a_wire_of_no_device_shows_a_right_one(path: str) -> None:
    with pytest.raises(UsageError, match="ttn\\+mqtt://BROKER:PORT/APPLICATION%40TENANT/DEVICE_ID"):
        things_address("vent", parse_wire(f"ttn+mqtt://broker{path}"))
