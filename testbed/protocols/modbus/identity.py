"""Read device identification: what a device says that it is, as the controller asks for it.

Source: Modbus Application Protocol 1.1b3, 6.21 (function 43, MEI type 14).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from .pdu import Function, Transaction

_IDENTIFICATION = 14  # the MEI type
_FIXED = 7  # bytes before the first object: function, type, code, conformity, more, next, count
_MORE, _NEXT, _COUNT = 4, 5, 6

VENDOR, PRODUCT, REVISION, _URL, NAME, MODEL = range(6)
"""Numbers of the objects that have a meaning of their own; the first three are basic, the others regular."""


class Level(IntEnum):
    """Which objects to ask for, as a stream (the read device id code)."""

    BASIC = 1
    REGULAR = 2


class Identity(NamedTuple):
    """The objects of one response, and which to ask for next; -1 when these were the last."""

    objects: dict[int, str]
    next: int


def read_identity(level: Level = Level.BASIC, first: int = 0) -> Transaction:
    """Return the request for the objects of a level from number `first` on.

    Whether a device tells the basic ones too when it is asked for the regular ones is its own reading.
    """
    pdu = bytes((Function.READ_DEVICE_IDENTIFICATION, _IDENTIFICATION, level, first))
    return Transaction(pdu, pdu[:3], 0)


def response_length(pdu: bytes) -> int:
    """Return the length of a response that begins with `pdu`: at least so much, while it is not whole."""
    if len(pdu) < _FIXED:
        return _FIXED
    length = _FIXED
    for _ in range(pdu[_COUNT]):
        if len(pdu) < length + 2:
            return length + 2
        length += 2 + pdu[length + 1]
    return length


def parse_identity(pdu: bytes) -> Identity:
    """Return what a response holds; raises ValueError when its objects do not fill it exactly."""
    if response_length(pdu) != len(pdu):
        raise ValueError(f"malformed device identification: {len(pdu)} bytes {pdu[:16].hex(' ')}")
    objects, at = {}, _FIXED
    for _ in range(pdu[_COUNT]):
        end = at + 2 + pdu[at + 1]
        objects[pdu[at]] = pdu[at + 2 : end].decode("ascii", "replace")
        at = end
    return Identity(objects, pdu[_NEXT] if pdu[_MORE] else -1)


def describe_identity(objects: dict[int, str]) -> str:
    """Return the objects for people: "ACME TC-2 V1.4 (Thermal chamber)"."""
    head = " ".join(objects[key] for key in (VENDOR, PRODUCT, MODEL, REVISION) if objects.get(key))
    name = objects.get(NAME, "")
    return f"{head} ({name})" if name and head else head or name
