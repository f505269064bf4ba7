"""What a device says about itself on the air (Core Specification Supplement, part A)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from testbed.bench.ble_wire import Manufacturer
from testbed.protocols.gatt import uuid16

_ROOM = 31  # bytes in a legacy advertising packet (Core Specification 5.4, vol 6 part B, 2.3.1)
_FLAGS, _SOME_16, _ALL_16, _SOME_128, _ALL_128, _NAME = 0x01, 0x02, 0x03, 0x06, 0x07, 0x09
_MANUFACTURER = 0xFF
_GENERAL_DISCOVERABLE_NO_BR_EDR = 0x06


def advertising_data(name: str, services: Iterable[str], manufacturer: Manufacturer | None = None) -> bytes:
    """Return the advertising packet: flags, name, manufacturer data, and as many services as still fit.

    A list that had to leave some out says that it is incomplete. There is no scan response, because
    bumble's virtual controllers do not carry its contents. Raises ValueError when even name and
    manufacturer data do not fit.
    """
    packet = _field(_FLAGS, bytes([_GENERAL_DISCOVERABLE_NO_BR_EDR]))
    if name:
        packet += _field(_NAME, name.encode())
    if manufacturer is not None:
        packet += _field(_MANUFACTURER, manufacturer.company.to_bytes(2, "little") + manufacturer.data)
    if len(packet) > _ROOM:
        raise ValueError(f"name and manufacturer data make {len(packet)} of {_ROOM} bytes")
    unique = list(dict.fromkeys(services))
    short = [uuid16(each) for each in unique]
    numbers = [number.to_bytes(2, "little") for number in short if number is not None]
    packet += _listed(numbers, _SOME_16, _ALL_16, _ROOM - len(packet))
    long = [uuid.UUID(each).bytes[::-1] for each in unique if uuid16(each) is None]
    return packet + _listed(long, _SOME_128, _ALL_128, _ROOM - len(packet))


def _listed(members: list[bytes], some: int, every: int, room: int) -> bytes:
    """Return a list of UUIDs, as many as fit into `room`."""
    fitting = members[: max(room - 2, 0) // len(members[0])] if members else []
    if not fitting:
        return b""
    return _field(every if len(fitting) == len(members) else some, b"".join(fitting))


def _field(kind: int, data: bytes) -> bytes:
    return bytes([1 + len(data), kind]) + data
