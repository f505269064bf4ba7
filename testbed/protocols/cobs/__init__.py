"""Framed telemetry and commands for microcontrollers on a serial line: the protocol's definition.

A frame is COBS(type u8, sequence u8, payload, CRC-16 little-endian) followed by 0x00. The CRC is over
type, sequence and payload; its algorithm is the profile's `crc` (a name of testbed.protocols.crc,
crc16-ccitt-false unless said otherwise). A payload has 0 to 250 bytes; every field in it is
little-endian and unaligned. Empty frames (0x00 0x00) mean nothing and are ignored, so a sender may
begin with 0x00 to end whatever noise stood on the line.

Type 0x00 to 0x0F: telemetry, sent by the device unasked at the rate of its profile. Each type counts
its own sequence from 0 to 255 and round again, so that the controller sees what was lost. Bytes
behind the fields that the controller knows are ignored, so firmware may add fields at the end.

Type 0x10 to 0x7F: a command, sent by the controller with one value as payload and a sequence of its
choice. The device answers each at once with type | 0x80, the command's sequence and one status byte:
0 ok (the value is in effect), 1 unknown (no such command), 2 out of range (the value was not taken),
3 bad length (the payload is not of the command's size). Several commands may be in flight.

A frame whose framing, length or CRC is wrong is dropped in silence by both sides.
"""

from .address import CobsAddress, CobsProfile, CobsSettings, CommandLayout, TelemetryLayout
from .frames import (
    ANSWER,
    FIRST_COMMAND,
    LAST_COMMAND,
    MAX_PAYLOAD,
    BadFrame,
    Frame,
    FrameReader,
    Status,
    decode_frame,
    encode_frame,
)
from .stuffing import StuffingError, stuff, unstuff

__all__ = [
    "ANSWER",
    "FIRST_COMMAND",
    "LAST_COMMAND",
    "MAX_PAYLOAD",
    "BadFrame",
    "CobsAddress",
    "CobsProfile",
    "CobsSettings",
    "CommandLayout",
    "Frame",
    "FrameReader",
    "Status",
    "StuffingError",
    "TelemetryLayout",
    "decode_frame",
    "encode_frame",
    "stuff",
    "unstuff",
]
