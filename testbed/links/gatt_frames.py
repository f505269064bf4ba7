"""How a GATT exchange is recorded: one frame for each request, answer and notification.

    byte 0        ATT opcode (Core Specification 5.4, vol 3 part F, 3.4.8)
    bytes 1-16    UUID of the characteristic, 128 bits, in the order in which it is written
    bytes 17-     the value, as it is on the air; for an error response the ATT error code, one byte

The stack under us (BlueZ, CoreBluetooth, WinRT) keeps ATT handles and packets to itself; the UUID says
the same and means something without the device at hand.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from testbed.errors import DamagedInput, LinkError

_HEAD = 17


class AttOpcode(IntEnum):
    """The ATT operations that a link records, by their number on the air."""

    ERROR_RESPONSE = 0x01
    READ_REQUEST = 0x0A
    READ_RESPONSE = 0x0B
    WRITE_REQUEST = 0x12
    WRITE_RESPONSE = 0x13
    NOTIFICATION = 0x1B
    INDICATION = 0x1D
    """What a device sends that waits for a confirmation, which the stack gives by itself."""
    WRITE_COMMAND = 0x52


TOLD_UNASKED = (AttOpcode.NOTIFICATION, AttOpcode.INDICATION)


def unasked(properties: Iterable[str]) -> AttOpcode:
    """Return how a characteristic with these properties tells its value: stacks prefer notifications."""
    return AttOpcode.NOTIFICATION if "notify" in properties else AttOpcode.INDICATION


_ERRORS = {
    0x01: "Invalid Handle", 0x02: "Read Not Permitted", 0x03: "Write Not Permitted", 0x04: "Invalid PDU",
    0x05: "Insufficient Authentication", 0x06: "Request Not Supported", 0x07: "Invalid Offset",
    0x08: "Insufficient Authorization", 0x09: "Prepare Queue Full", 0x0A: "Attribute Not Found",
    0x0B: "Attribute Not Long", 0x0C: "Encryption Key Size Too Short",
    0x0D: "Invalid Attribute Value Length", 0x0E: "Unlikely Error", 0x0F: "Insufficient Encryption",
    0x10: "Unsupported Group Type", 0x11: "Insufficient Resources", 0x12: "Database Out Of Sync",
    0x13: "Value Not Allowed", 0xFC: "Write Request Rejected",
    0xFD: "Client Characteristic Configuration Descriptor Improperly Configured",
    0xFE: "Procedure Already in Progress", 0xFF: "Out of Range",
}  # fmt: skip
"""Error codes (Core Specification 5.4, vol 3 part F, 3.4.1.1; supplement part B, 1.2)."""


class AttError(LinkError):
    """The device refused one request with an ATT error (`code`, at `time_ns`); the connection stays up.

    The words are ours: a recording must read the same whatever stack and library brought the refusal.
    """

    def __init__(self, code: int, time_ns: int) -> None:
        words = _ERRORS.get(code, "Application Error" if 0x80 <= code <= 0x9F else "Unknown Error")
        super().__init__(f"the device answered: {words} (ATT error 0x{code:02X})")
        self.code = code
        self.time_ns = time_ns


@dataclass(frozen=True)
class GattFrame:
    """One recorded exchange; `characteristic` is a 128-bit UUID in lower case."""

    opcode: AttOpcode
    characteristic: str
    value: bytes = b""

    def encode(self) -> bytes:
        """Return the frame's bytes."""
        return bytes([self.opcode]) + _uuid_bytes(self.characteristic) + self.value


@lru_cache(1024)
def _uuid_bytes(text: str) -> bytes:
    return uuid.UUID(text).bytes


def decode_frame(data: bytes) -> GattFrame:
    """Return what was recorded; raises DamagedInput when `data` is no GATT frame."""
    try:
        opcode = AttOpcode(data[0])
        characteristic = str(uuid.UUID(bytes=data[1:_HEAD]))
    except (IndexError, ValueError):
        raise DamagedInput(f"no GATT frame: {data[:32].hex(' ') or 'empty'}") from None
    return GattFrame(opcode, characteristic, data[_HEAD:])
