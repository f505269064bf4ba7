"""A message as one run of bytes, which is how a tap records it.

Layout: length of the topic (2 bytes, high byte first), topic (UTF-8), payload to the end. It is the
head of an MQTT 3.1.1 PUBLISH packet (section 3.3.2.1) without its packet identifier. The length's highest
bit says that the broker had retained the message: it is from before the subscription, of unknown age.
"""

from __future__ import annotations

import struct

_LENGTH = struct.Struct(">H")
_TOPIC_LIMIT = 0x7FFF  # bytes
_RETAINED = 0x8000


def encode_message(topic: str, payload: bytes, retained: bool = False) -> bytes:
    """Return topic and payload as one frame; raises ValueError for what is no topic to publish to."""
    name = topic.encode()
    if not name or len(name) > _TOPIC_LIMIT or any(mark in topic for mark in "+#\0"):
        raise ValueError(
            f"{topic!r} is no topic to publish to: 1 to {_TOPIC_LIMIT} bytes without +, # and NUL"
        )
    return _LENGTH.pack(len(name) | (_RETAINED if retained else 0)) + name + payload


def decode_message(frame: bytes) -> tuple[str, bytes]:
    """Return (topic, payload) of a frame; raises ValueError when it is cut or its topic is no text."""
    if len(frame) < _LENGTH.size:
        raise ValueError(f"a message frame has at least {_LENGTH.size} bytes, not {len(frame)}")
    end = _LENGTH.size + (_LENGTH.unpack_from(frame)[0] & _TOPIC_LIMIT)
    if len(frame) < end:
        raise ValueError(f"the topic ends at byte {end}, but the frame has only {len(frame)}")
    return frame[_LENGTH.size : end].decode(), frame[end:]


def is_retained(frame: bytes) -> bool:
    """Return whether the broker had kept the message of a frame from before the subscription."""
    return len(frame) >= _LENGTH.size and bool(_LENGTH.unpack_from(frame)[0] & _RETAINED)
