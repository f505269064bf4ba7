"""Events and downlinks as ChirpStack v4 prints and reads them, checked against its own schema."""

import contextlib
import json
from typing import Any

import pytest
from chirpstack_api.integration import integration_pb2 as schema
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.wires import parse_wire
from testbed.errors import UsageError
from testbed.protocols.lorawan.chirpstack import (
    Ack,
    Downlink,
    LogEntry,
    Status,
    TxAck,
    Uplink,
    parse_downlink,
    parse_event,
    print_downlink,
    print_event,
)
from testbed.protocols.lorawan.topics import DeviceAddress, device_address, parse_topic

DEVICE = DeviceAddress("17c82e96-be03-4f38-aef3-f83d48582d97", "0101010101010101")

# The example in the section "up" of the ChirpStack v4 documentation (integrations/events), shortened.
DOCUMENTED_UP = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2022-07-18T09:34:15.775023242+00:00",
    "deviceInfo": {
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
        "tenantName": "ChirpStack",
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
        "applicationName": "Test application",
        "deviceName": "Test device",
        "devEui": "0101010101010101",
        "tags": {"key": "value"},
    },
    "devAddr": "00189440",
    "dr": 1,
    "fPort": 1,
    "data": "qg==",
    "rxInfo": [
        {
            "gatewayId": "0016c001f153a14c",
            "uplinkId": 4217106255,
            "rssi": -36,
            "snr": 10.5,
            "context": "E3OWOQ==",
            "metadata": {"region_name": "eu868", "region_common_name": "EU868"},
        }
    ],
    "txInfo": {
        "frequency": 867100000,
        "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11, "codeRate": "CR_4_5"}},
    },
}


def up_event(**values: Any) -> Any:
    return schema.UplinkEvent(device_info=schema.DeviceInfo(dev_eui=DEVICE.dev_eui), **values)


def test_the_documented_uplink_is_read_and_printed_again_as_it_stood() -> None:
    text = json.dumps(DOCUMENTED_UP).encode()
    assert parse_event(DEVICE.event("up"), text) == Uplink(
        "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "00189440", 0, 1, b"\xaa"
    )
    printed = json.loads(print_event(json_format.Parse(text, schema.UplinkEvent())))
    for key in ("time", "data", "rxInfo", "txInfo", "devAddr"):
        assert printed[key] == DOCUMENTED_UP[key]


def test_defaults_are_printed_for_the_event_and_not_for_what_the_gateway_says() -> None:
    event = up_event()
    event.rx_info.add(gateway_id="0016c001f153a14c")
    event.tx_info.frequency = 868_100_000
    printed = json.loads(print_event(event))
    assert printed["fCnt"] == printed["fPort"] == printed["dr"] == 0
    assert printed["confirmed"] is printed["adr"] is False
    assert printed["data"] == ""
    assert printed["deviceInfo"]["deviceClassEnabled"] == "CLASS_A"
    assert printed["deviceInfo"]["tags"] == {}
    assert printed["rxInfo"] == [{"gatewayId": "0016c001f153a14c"}]
    assert printed["txInfo"] == {"frequency": 868_100_000}
    assert "object" not in printed
    assert "time" not in printed


def test_a_refused_acknowledgement_says_so_in_the_text() -> None:
    assert json.loads(print_event(schema.AckEvent()))["acknowledged"] is False


@given(
    st.builds(
        up_event,
        deduplication_id=st.uuids().map(str),
        dev_addr=st.integers(0, 2**32 - 1).map("{:08x}".format),
        f_cnt=st.integers(0, 2**32 - 1),
        f_port=st.integers(0, 255),
        data=st.binary(max_size=242),
        adr=st.booleans(),
        dr=st.integers(0, 5),
    )
)
def test_every_uplink_survives_the_text_both_ways(event: Any) -> None:
    text = print_event(event)
    assert json_format.Parse(text, schema.UplinkEvent()) == event
    assert parse_event(DEVICE.event("up"), text) == Uplink(
        event.deduplication_id, event.dev_addr, event.f_cnt, event.f_port, event.data
    )


def test_the_other_events_are_read_by_their_kind() -> None:
    info = schema.DeviceInfo(dev_eui=DEVICE.dev_eui)
    events = {
        "ack": (
            schema.AckEvent(device_info=info, queue_item_id="q", acknowledged=True),
            Ack("q", acknowledged=True),
        ),
        "txack": (schema.TxAckEvent(device_info=info, queue_item_id="q"), TxAck("q")),
        "log": (
            schema.LogEvent(
                device_info=info, level="ERROR", code="EXPIRED", description="late", context={"a": "b"}
            ),
            LogEntry("ERROR", "EXPIRED", "late", {"a": "b"}),
        ),
        "status": (schema.StatusEvent(device_info=info, margin=7, battery_level=50), Status(7, 50.0)),
        "join": (schema.JoinEvent(device_info=info), None),
    }
    for kind, (event, expected) in events.items():
        assert parse_event(DEVICE.event(kind), print_event(event)) == expected


def test_a_battery_that_is_no_battery_has_no_level() -> None:
    event = schema.StatusEvent(device_info=schema.DeviceInfo(dev_eui=DEVICE.dev_eui))
    event.external_power_source = True
    assert parse_event(DEVICE.event("status"), print_event(event)) == Status(0, None)


@given(
    st.builds(
        Downlink,
        st.just(DEVICE.dev_eui),
        st.integers(1, 255),
        st.binary(max_size=242),
        st.booleans(),
        st.uuids().map(str) | st.just(""),
        st.integers(0, 4 * 10**18),
    )
)
def test_every_downlink_survives_the_text_both_ways(downlink: Downlink) -> None:
    text = print_downlink(downlink)
    assert parse_downlink(DEVICE.downlink, text) == downlink
    assert json_format.Parse(text, schema.DownlinkCommand()).data == downlink.data


GARBAGE = [
    (b"", "JSON object"),
    (b"\xff\xfe", "JSON object"),
    (b"[1]", "JSON object"),
    (b"[" * 100_000, "JSON object"),
    (b'{"data": "not base64!"}', "base64"),
    (b'{"data": "qg="}', "base64"),
    (b'{"data": 5}', "base64"),
    (b'{"fPort": "many"}', "fPort"),
    (b'{"devEui": "0202020202020202"}', "devEui"),
    (b"{" + b" " * (1 << 20) + b"}", "at most"),
]


@pytest.mark.parametrize(("payload", "words"), GARBAGE, ids=[words for _, words in GARBAGE])
def test_a_damaged_message_is_refused_with_what_was_expected(payload: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_downlink(DEVICE.downlink, payload)
    with pytest.raises(ValueError, match=words if words not in ("devEui",) else "devEui"):
        parse_event(DEVICE.event("up"), payload)


KEYS = ["data", "fPort", "time", "deviceInfo", "devEui", "rxInfo", "fCnt", "expiresAt", "object", "x"]


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.dictionaries(
        st.sampled_from(KEYS),
        inner,
    ) | st.lists(inner, max_size=2),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_the_only_error_is_a_value_error(payload: bytes) -> None:
    for read, topic in ((parse_event, DEVICE.event("up")), (parse_downlink, DEVICE.downlink)):
        with contextlib.suppress(ValueError):
            read(topic, payload)


@pytest.mark.parametrize("f_port", [0, 256])
def test_an_f_port_that_does_not_exist_is_refused(f_port: int) -> None:
    text = json.dumps({"devEui": DEVICE.dev_eui, "fPort": f_port, "data": "qg=="}).encode()
    with pytest.raises(ValueError, match="between 1 and 255"):
        parse_downlink(DEVICE.downlink, text)


def test_a_newer_servers_unknown_keys_and_codes_do_no_harm() -> None:
    text = {"deviceInfo": {"devEui": DEVICE.dev_eui}, "level": 2, "code": 99, "brandNew": {"a": 1}}
    entry = parse_event(DEVICE.event("log"), json.dumps(text).encode())
    assert entry == LogEntry("ERROR", "99", "", {})


# Topics and wires ------------------------------------------------------------------------------


def test_topics_are_those_of_the_servers_default_templates() -> None:
    assert DEVICE.event("up") == f"application/{DEVICE.application}/device/0101010101010101/event/up"
    assert DEVICE.downlink == f"application/{DEVICE.application}/device/0101010101010101/command/down"
    assert parse_topic(DEVICE.event("txack")) == (DEVICE, "txack")


@pytest.mark.parametrize("topic", ["", "application/1/device/2/event", "gateway/1/event/up", "a/b/c/d/e/f"])
def test_a_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="no topic of a device"):
        parse_topic(topic)


def test_a_wire_names_the_application_and_the_device_in_any_case() -> None:
    wire = parse_wire("chirpstack+mqtt://broker:1883/1/70B3D57ED0000001")
    assert device_address("vent", wire) == DeviceAddress("1", "70b3d57ed0000001")


@pytest.mark.parametrize("path", ["", "/1", "/1/70b3", "/1/70b3d57ed000000g", "/+/70b3d57ed0000001"])
def test_a_wire_without_a_device_is_refused_with_a_right_one(path: str) -> None:
    with pytest.raises(UsageError, match=r"vent: .*DEV_EUI(.|\n)*70b3d57ed0000001"):
        device_address("vent", parse_wire(f"chirpstack+mqtt://broker:1883{path}"))
