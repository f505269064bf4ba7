"""ChirpStack v4 events and downlink commands as JSON, through its own schema (chirpstack_api.integration).

The server prints with pbjson: camelCase keys, enums by name, bytes in base64, 64-bit numbers as text,
times with +00:00, and default values only in messages of the package `integration` (its build sets
`emit_fields` there and nowhere else), so that an acknowledged=false or an fCnt of 0 is in the text
while an rxInfo with chain 0 is not. Source: ChirpStack v4, api/rust/build.rs and integration/mqtt.rs.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from chirpstack_api.integration import integration_pb2 as schema
from google.protobuf import json_format

from .events import Ack, Downlink, Event, LogEntry, Status, TxAck, Uplink
from .topics import parse_topic

_SIZE_LIMIT = 1 << 20  # bytes; an event heard by a hundred gateways has a thirtieth of it
_PACKAGE = "integration"


def print_event(message: Any) -> bytes:
    """Return an event of the schema as the JSON text that the server publishes."""
    return json.dumps(_printed(message), separators=(",", ":")).encode()


def parse_event(topic: str, payload: bytes) -> Event | None:
    """Return the event in a message, None for a kind that says nothing about signals (join, location).

    Raises ValueError that says what was expected and what came.
    """
    address, kind = parse_topic(topic)
    if kind not in _READERS:
        return None
    make, read = _READERS[kind]
    message = _parse(payload, make())
    found = message.device_info.dev_eui
    if found != address.dev_eui:
        raise ValueError(f"{kind} event: deviceInfo.devEui is {found!r}, the topic's {address.dev_eui!r}")
    event: Event = read(message)
    return event


def print_downlink(downlink: Downlink) -> bytes:
    """Return the payload of a `command/down` message."""
    message = schema.DownlinkCommand(
        id=downlink.id,
        dev_eui=downlink.dev_eui,
        confirmed=downlink.confirmed,
        f_port=downlink.f_port,
        data=downlink.data,
    )
    if downlink.expires_ns:
        message.expires_at.FromNanoseconds(downlink.expires_ns)
    return json.dumps(json_format.MessageToDict(message), separators=(",", ":")).encode()


def parse_downlink(topic: str, payload: bytes) -> Downlink:
    """Return the downlink in a `command/down` message, checked as the server checks it.

    Raises ValueError that says what was expected and what came.
    """
    address, kind = parse_topic(topic)
    if kind != "down":
        raise ValueError(f"{kind!r} is no command: expected down")
    message = _parse(payload, schema.DownlinkCommand())
    if message.dev_eui != address.dev_eui:
        raise ValueError(f"devEui {message.dev_eui!r} does not match the topic's {address.dev_eui!r}")
    if not 1 <= message.f_port <= 255:
        raise ValueError(f"fPort must be between 1 and 255, not {message.f_port}")
    expires = message.expires_at.ToNanoseconds() if message.HasField("expires_at") else 0
    return Downlink(message.dev_eui, message.f_port, message.data, message.confirmed, message.id, expires)


def _uplink(message: Any) -> Uplink:
    return Uplink(message.deduplication_id, message.dev_addr, message.f_cnt, message.f_port, message.data)


def _log(message: Any) -> LogEntry:
    return LogEntry(
        _enum_name(schema.LogLevel, message.level),
        _enum_name(schema.LogCode, message.code),
        message.description,
        dict(message.context),
    )


def _status(message: Any) -> Status:
    unknown = message.external_power_source or message.battery_level_unavailable
    return Status(message.margin, None if unknown else message.battery_level)


_READERS: dict[str, tuple[Any, Any]] = {
    "up": (schema.UplinkEvent, _uplink),
    "ack": (schema.AckEvent, lambda message: Ack(message.queue_item_id, message.acknowledged)),
    "txack": (schema.TxAckEvent, lambda message: TxAck(message.queue_item_id)),
    "log": (schema.LogEvent, _log),
    "status": (schema.StatusEvent, _status),
}


def _enum_name(enum: Any, number: int) -> str:
    """Return an enum value's name; a newer server may know more values than our schema."""
    return str(enum.Name(number)) if number in enum.values() else str(number)


def _parse(payload: bytes, message: Any) -> Any:
    if len(payload) > _SIZE_LIMIT:
        raise ValueError(f"expected a JSON object of at most {_SIZE_LIMIT} bytes, got {len(payload)}")
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError(f"expected a JSON object, got {_shown(payload)}") from None
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, got {_shown(payload)}")
    data = values.get("data", "")
    try:  # json_format skips over characters that are no base64, so we look first
        base64.b64decode(
            data, altchars=b"-_" if isinstance(data, str) and set("-_") & set(data) else None, validate=True
        )
    except (TypeError, ValueError, binascii.Error):
        raise ValueError(f"data: expected base64 text, got {str(data)[:40]!r}") from None
    try:
        return json_format.ParseDict(values, message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"expected {message.DESCRIPTOR.name} of ChirpStack v4: {error}") from None


def _shown(payload: bytes) -> str:
    return repr(payload[:40]) + ("..." if len(payload) > 40 else "")


def _printed(message: Any) -> dict[str, Any]:
    """Return a message as plain values, its defaults included where pbjson includes them."""
    emit = message.DESCRIPTOR.file.package == _PACKAGE
    values: dict[str, Any] = json_format.MessageToDict(message, always_print_fields_with_no_presence=emit)
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None or field.json_name not in values:
            continue
        held, name = getattr(message, field.name), field.json_name
        if field.message_type.full_name == "google.protobuf.Timestamp":
            values[name] = values[name].removesuffix("Z") + "+00:00"
        elif field.message_type.GetOptions().map_entry or field.message_type.file.package.startswith(
            "google."
        ):
            values[name] = _ordered(values[name])
        else:
            values[name] = [_printed(each) for each in held] if field.is_repeated else _printed(held)
    return values


def _ordered(value: Any) -> Any:
    """Return maps by their keys: protobuf hands them out in an order that differs from run to run."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
