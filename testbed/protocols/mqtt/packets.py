"""The few packets of MQTT 3.1.1 that a client needs who only publishes, and waits for nobody.

A library's client costs tens of microseconds a message; here many messages are put together into one
write. Only QoS 0: what must arrive is in the session file.
"""

from __future__ import annotations

import struct

PING = b"\xc0\x00"
GOODBYE = b"\xe0\x00"
CONNECTED = b"\x20\x02\x00\x00"
"""CONNACK: no session was present, the connection is accepted."""

REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it refuses the client's name",
    3: "it is unavailable",
    4: "wrong user or password",
    5: "not authorised",
}
"""Return codes of a CONNACK (section 3.2.2.3)."""

_SHORT = 128


def length_bytes(length: int) -> bytes:
    """Return a remaining length (section 2.2.3)."""
    found = bytearray()
    while True:
        length, low = divmod(length, 128)
        found.append(low | (0x80 if length else 0))
        if not length:
            return bytes(found)


def connect(client: str, keepalive: int, user: str, password: str) -> bytes:
    """Return a CONNECT packet for a clean session (section 3.1)."""
    flags = 0x02 | (0x80 if user else 0) | (0x40 if user and password else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack(">H", keepalive) + _text(client)
    if user:
        body += _text(user) + (_text(password) if password else b"")
    return b"\x10" + length_bytes(len(body)) + body


def head_of(topic: str) -> bytes:
    """Return what stands before the payload in the body of a PUBLISH packet of a topic."""
    return _text(topic)


def publish(head: bytes, payload: bytes, retain: bool = False) -> bytes:
    """Return a PUBLISH packet of QoS 0 (section 3.3)."""
    length = len(head) + len(payload)
    if length < _SHORT:
        return bytes((0x31 if retain else 0x30, length)) + head + payload
    return (b"\x31" if retain else b"\x30") + length_bytes(length) + head + payload


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data
