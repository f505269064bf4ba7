"""Frames of the protocol that testbed.protocols.cobs defines: bytes to frames and back, without I/O."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from testbed.protocols.crc import Crc

from .stuffing import StuffingError, stuff, unstuff

MAX_PAYLOAD = 250
"""Bytes of payload with a CRC-16: with type, sequence, CRC, one code byte and the delimiter 256 in all."""

FIRST_COMMAND = 0x10
LAST_COMMAND = 0x7F
ANSWER = 0x80
"""Set in the type of the frame that answers a command."""

_DELIMITER = b"\0"
_HEAD = 2  # type and sequence
_LONGEST_STUFFED = 255


class Status(IntEnum):
    """What the device says of a command."""

    OK = 0
    UNKNOWN = 1
    OUT_OF_RANGE = 2
    BAD_LENGTH = 3

    @property
    def words(self) -> str:
        """What people read."""
        return self.name.lower().replace("_", " ")


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame whose CRC was right. `kind` is its type byte."""

    kind: int
    sequence: int
    payload: bytes


class BadFrame(msgspec.Struct, frozen=True, gc=False):
    """What came between two delimiters and was no frame, and why."""

    reason: str


def longest_payload(crc: Crc) -> int:
    """Return how many bytes of payload a frame can have."""
    return _LONGEST_STUFFED - 1 - _HEAD - crc.size


def encode_frame(frame: Frame, crc: Crc) -> bytes:
    """Return the bytes on the wire, delimiter included; raises ValueError for too long a payload."""
    if len(frame.payload) > longest_payload(crc):
        raise ValueError(f"a payload has at most {longest_payload(crc)} bytes, not {len(frame.payload)}")
    body = bytes((frame.kind, frame.sequence)) + frame.payload
    return stuff(body + crc(body).to_bytes(crc.size, "little")) + _DELIMITER


def decode_frame(stuffed: bytes, crc: Crc) -> Frame | BadFrame:
    """Return the frame that stood before a delimiter."""
    if len(stuffed) > _LONGEST_STUFFED:
        return BadFrame(f"longer than a frame can be: {len(stuffed)} bytes")
    try:
        raw = unstuff(stuffed)
    except StuffingError as error:
        return BadFrame(f"damaged framing: {error}")
    size = crc.size
    if len(raw) < _HEAD + size:
        return BadFrame(f"too short for a frame: {len(raw)} bytes")
    received, computed = int.from_bytes(raw[-size:], "little"), crc(raw[:-size])
    if received != computed:
        digits = 2 * size
        return BadFrame(f"CRC mismatch: received 0x{received:0{digits}X}, computed 0x{computed:0{digits}X}")
    return Frame(raw[0], raw[1], raw[_HEAD:-size])


class FrameReader:
    """Cuts a stream into frames. Whatever comes, the next delimiter brings it back into step."""

    def __init__(self, crc: Crc) -> None:
        self.bad_frames = 0
        self._crc = crc
        self._rest = b""
        self._overrun = False

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Take bytes as they come; return what they completed, in order."""
        pieces = (self._rest + data).split(_DELIMITER)
        self._rest = pieces.pop()
        found: list[Frame | BadFrame] = []
        for piece in pieces:
            if self._overrun:  # already reported: this is only its end
                self._overrun = False
            elif piece:  # two delimiters in a row hold nothing
                frame = decode_frame(piece, self._crc)
                found.append(frame)
                self.bad_frames += isinstance(frame, BadFrame)
        if len(self._rest) > _LONGEST_STUFFED:
            self._rest = b""
            if not self._overrun:
                self._overrun = True
                self.bad_frames += 1
                found.append(BadFrame(f"no delimiter within {_LONGEST_STUFFED} bytes"))
        return found
