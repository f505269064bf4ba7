"""The Things Stack v3's messages over MQTT as JSON: events in, downlinks out.

Field names are snake_case; bytes are base64 but EUIs and addresses, which are capital hexadecimal; numbers
of 64 bits are text; times end in Z; whatever is "", 0, false or empty is left out, so that the first uplink
of a session has no f_cnt. A downlink has no id: ours is one of its correlation ids, all of which come back
with every event about it. Sources: The Things Stack's documentation, "Data Formats" and "MQTT Server"; its
api/ttn/lorawan/v3/messages.proto and pkg/applicationserver/io/mqtt.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from testbed.bench.wires import Wire
from testbed.errors import UsageError

from .events import Ack, Downlink, Event, LogEntry, TxAck, Uplink

_SIZE_LIMIT = 1 << 20  # bytes
_OURS = "testbed:"  # what our correlation ids begin with
_ID = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,35}")  # validate.rules of identifiers.proto
_APPLICATION = re.compile(rf"{_ID.pattern}(?:@{_ID.pattern})?")
_TOPIC = re.compile(r"v3/([^/]+)/devices/([^/]+)/((?:[a-z]+/)?[a-z]+)")

ALL_COMMANDS = ("v3/+/devices/+/down/push", "v3/+/devices/+/down/replace")
"""What the server takes."""

CLEAR = b'{"downlinks":[]}'
"""A replacement of the queue by nothing."""


@dataclass(frozen=True)
class ThingsAddress:
    """A device of an application; `application` is followed by @TENANT where the server has tenants."""

    application: str
    device_id: str

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """What a client of this device subscribes to."""
        return tuple(self.event(kind) for kind in _READERS)

    @property
    def downlink(self) -> str:
        """Where downlinks for the device are enqueued."""
        return self.event("down/push")

    @property
    def replacement(self) -> str:
        """Where the queue of downlinks is replaced by another."""
        return self.event("down/replace")

    def event(self, kind: str) -> str:
        """Where the server publishes an event: up, join, down/queued, down/sent, down/ack, ..."""
        return f"v3/{self.application}/devices/{self.device_id}/{kind}"


def things_address(device: str, wire: Wire) -> ThingsAddress:
    """Return the application and the device in a wire's path; raises UsageError showing a right one."""
    application, _, device_id = wire.path.strip("/").replace("%40", "@").partition("/")
    if wire.host and _APPLICATION.fullmatch(application) and _ID.fullmatch(device_id):
        return ThingsAddress(application, device_id)
    raise UsageError(
        f"{device}: {wire} names no device; expected ttn+mqtt://BROKER:PORT/APPLICATION%40TENANT/DEVICE_ID",
        "for example ttn+mqtt://app1%40ttn:${TTN_KEY}@eu1.cloud.thethings.network/app1%40ttn/vent?tls=on",
    )


def parse_topic(topic: str) -> tuple[ThingsAddress, str]:
    """Return (device, kind) of an event's or a command's topic; raises ValueError for any other."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise ValueError(f"{topic!r} is no topic of a device: v3/APPLICATION/devices/DEVICE_ID/KIND")
    return ThingsAddress(match[1], match[2]), match[3]


def parse_event(topic: str, payload: bytes) -> Event | None:
    """Return the event in a message, None for a kind that says nothing about signals (join, down/queued).

    Raises ValueError that says what was expected and what came.
    """
    address, kind = parse_topic(topic)
    if kind not in _READERS:
        return None
    key, read = _READERS[kind]
    message = _object(payload)
    found = _part(message, "end_device_ids").get("device_id")
    if found != address.device_id:
        raise ValueError(
            f"{kind} event: end_device_ids.device_id is {found!r}, the topic's {address.device_id!r}"
        )
    if key not in message:
        raise ValueError(f"{kind} event: expected {key}, got {', '.join(message)}")
    event: Event = read(message, _part(message, key))
    return event


def print_downlink(downlink: Downlink) -> bytes:
    """Return the payload of a `down/push` message.

    The server knows no time at which a downlink expires: whoever gives one up has to clear the queue.
    """
    values = {
        "f_port": downlink.f_port,
        "frm_payload": base64.b64encode(downlink.data).decode(),
        "confirmed": downlink.confirmed,
        "priority": "NORMAL",
        "correlation_ids": [f"{_OURS}{downlink.id}"] if downlink.id else [],
    }
    return printed({"downlinks": [values]})


def parse_downlinks(topic: str, payload: bytes) -> list[Downlink]:
    """Return the downlinks of a `down/push` or `down/replace` message; `dev_eui` is the device id.

    Raises ValueError that says what was expected and what came.
    """
    address, kind = parse_topic(topic)
    if kind not in ("down/push", "down/replace"):
        raise ValueError(f"{kind!r} is no command: expected down/push or down/replace")
    items = _object(payload).get("downlinks", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"downlinks: expected a list of objects, got {_shown(payload)}")
    return [_downlink(address, item) for item in items]


def printed(message: dict[str, Any]) -> bytes:
    """Return a message as the server prints it: what is empty or zero is left out."""
    return json.dumps(_sparse(message), separators=(",", ":")).encode()


# Events -----------------------------------------------------------------------------------------


def _uplink(message: dict[str, Any], uplink: dict[str, Any]) -> Uplink:
    ids = _part(message, "end_device_ids")
    correlations = _texts(message.get("correlation_ids"))
    return Uplink(
        next((each for each in correlations if each.startswith("gs:uplink:")), ""),
        str(ids.get("dev_addr", "")),
        _number(uplink, "f_cnt"),
        _number(uplink, "f_port"),
        _bytes(uplink, "frm_payload"),
    )


def _ack(_: dict[str, Any], downlink: dict[str, Any]) -> Ack:
    return Ack(_id(downlink), True)


def _nack(_: dict[str, Any], downlink: dict[str, Any]) -> Ack:
    return Ack(_id(downlink), False)


def _sent(_: dict[str, Any], downlink: dict[str, Any]) -> TxAck:
    return TxAck(_id(downlink))


def _failed(_: dict[str, Any], failure: dict[str, Any]) -> LogEntry:
    error = _part(failure, "error")
    name = str(error.get("name", "unknown"))
    text = _filled(str(error.get("message_format", "no reason given")), error.get("attributes"))
    return LogEntry("ERROR", name, text, {"queue_item_id": _id(_part(failure, "downlink"))})


_READERS: dict[str, tuple[str, Any]] = {
    "up": ("uplink_message", _uplink),
    "down/ack": ("downlink_ack", _ack),
    "down/nack": ("downlink_nack", _nack),
    "down/sent": ("downlink_sent", _sent),
    "down/failed": ("downlink_failed", _failed),
}


def _filled(text: str, attributes: object) -> str:
    """Return an error's message with its attributes in the places that are marked for them."""
    if isinstance(attributes, dict):
        for name, value in attributes.items():
            text = text.replace(f"`{{{name}}}`", str(value)).replace(f"{{{name}}}", str(value))
    return text


def _id(downlink: dict[str, Any]) -> str:
    """Return our id of a downlink, another's where none is ours."""
    ids = _texts(downlink.get("correlation_ids"))
    ours = [each.removeprefix(_OURS) for each in ids if each.startswith(_OURS)]
    return next(iter(ours or ids), "")


def _downlink(address: ThingsAddress, item: dict[str, Any]) -> Downlink:
    f_port = _number(item, "f_port")
    if not 1 <= f_port <= 255 or f_port == 224:
        raise ValueError(f"f_port must be between 1 and 255 and not 224, not {f_port}")
    confirmed = item.get("confirmed", False)
    if not isinstance(confirmed, bool):
        raise ValueError(f"confirmed: expected true or false, got {confirmed!r}")
    correlations = tuple(_texts(item.get("correlation_ids")))
    data = _bytes(item, "frm_payload")
    return Downlink(address.device_id, f_port, data, confirmed, _id(item), correlations=correlations)


# Values -----------------------------------------------------------------------------------------


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > _SIZE_LIMIT:
        raise ValueError(f"expected a JSON object of at most {_SIZE_LIMIT} bytes, got {len(payload)}")
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, got {_shown(payload)}")
    return values


def _part(values: dict[str, Any], key: str) -> dict[str, Any]:
    part = values.get(key, {})
    if not isinstance(part, dict):
        raise ValueError(f"{key}: expected an object, got {str(part)[:40]!r}")
    return part


def _number(values: dict[str, Any], key: str) -> int:
    number = values.get(key, 0)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"{key}: expected a whole number, got {str(number)[:40]!r}")
    return number


def _bytes(values: dict[str, Any], key: str) -> bytes:
    text = values.get(key, "")
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError(f"{key}: expected base64 text, got {str(text)[:40]!r}") from None


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _sparse(value: Any) -> Any:
    if isinstance(value, dict):
        held = {key: _sparse(each) for key, each in value.items()}
        return {key: each for key, each in held.items() if each not in ("", 0, False, None, [], {})}
    return [_sparse(each) for each in value] if isinstance(value, list) else value


def _shown(payload: bytes) -> str:
    return repr(payload[:40]) + ("..." if len(payload) > 40 else "")
