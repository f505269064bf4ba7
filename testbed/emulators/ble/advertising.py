"""What a device says about itself on the air (Core Specification Supplement, part A)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from testbed.protocols.gatt import uuid16

_ROOM = 31  # bytes in a legacy advertising packet (Core Specification 5.4, vol 6 part B, 2.3.1)
_FLAGS, _SOME_16, _ALL_16, _SOME_128, _ALL_128, _NAME = 0x01, 0x02, 0x03, 0x06, 0x07, 0x09
_GENERAL_DISCOVERABLE_NO_BR_EDR = 0x06


def advertising_packets(name: str, services: Iterable[str]) -> tuple[bytes, bytes]:
    """Return the advertising data and the scan response: flags, services and the local name.

    The name moves to the scan response when both do not fit; services that fit nowhere are left out,
    and the list then says that it is incomplete.
    """
    packet = _field(_FLAGS, bytes([_GENERAL_DISCOVERABLE_NO_BR_EDR]))
    unique = list(dict.fromkeys(services))
    short = [uuid16(each) for each in unique]
    packet += _listed(
        [number.to_bytes(2, "little") for number in short if number is not None], 2, _SOME_16, _ALL_16, packet
    )
    packet += _listed(
        [uuid.UUID(each).bytes[::-1] for each in unique if uuid16(each) is None],
        16,
        _SOME_128,
        _ALL_128,
        packet,
    )
    local_name = _field(_NAME, name.encode()) if name else b""
    if len(packet) + len(local_name) <= _ROOM:
        return packet + local_name, b""
    return packet, local_name


def _listed(members: list[bytes], size: int, some: int, every: int, before: bytes) -> bytes:
    """Return a list of UUIDs, as many as fit behind `before`."""
    fitting = members[: max(_ROOM - len(before) - 2, 0) // size]
    if not fitting:
        return b""
    return _field(every if len(fitting) == len(members) else some, b"".join(fitting))


def _field(kind: int, data: bytes) -> bytes:
    return bytes([1 + len(data), kind]) + data
