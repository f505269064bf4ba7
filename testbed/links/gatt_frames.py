"""How a GATT exchange is recorded: one frame for each request, answer and notification.

    byte 0        ATT opcode (Core Specification 5.4, vol 3 part F, 3.4.8)
    bytes 1-16    UUID of the characteristic, 128 bits, in the order in which it is written
    bytes 17-     the value, as it is on the air; for an error response the ATT error code, one byte

The stack under us (BlueZ, CoreBluetooth, WinRT) keeps ATT handles and packets to itself; the UUID says
the same and means something without the device at hand.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import IntEnum

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
    """Also stands for indications, which the stack hands on the same way."""
    WRITE_COMMAND = 0x52


class AttError(LinkError):
    """The device refused one request with an ATT error (`code`); the connection stays up."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class GattFrame:
    """One recorded exchange; `characteristic` is a 128-bit UUID in lower case."""

    opcode: AttOpcode
    characteristic: str
    value: bytes = b""

    def encode(self) -> bytes:
        """Return the frame's bytes."""
        return bytes([self.opcode]) + uuid.UUID(self.characteristic).bytes + self.value


def decode_frame(data: bytes) -> GattFrame:
    """Return what was recorded; raises DamagedInput when `data` is no GATT frame."""
    try:
        opcode = AttOpcode(data[0])
        characteristic = str(uuid.UUID(bytes=data[1:_HEAD]))
    except (IndexError, ValueError):
        raise DamagedInput(f"no GATT frame: {data[:32].hex(' ') or 'empty'}") from None
    return GattFrame(opcode, characteristic, data[_HEAD:])
