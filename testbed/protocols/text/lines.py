"""Lines and their fields, with or without the checksum of NMEA 0183.

An NMEA sentence is `$`, fields between commas, `*`, two hex digits, carriage return, line feed; the checksum
is the exclusive or of all characters between `$` and `*` (IEC 61162-1, 7.2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

LONGEST = 1024
"""Bytes after which a line that does not end is given up; NMEA allows 82."""


class Checksum(StrEnum):
    """What protects a line."""

    NONE = "none"
    NMEA = "nmea"


@dataclass(frozen=True)
class Line:
    """The fields of a line, the first of which may name its kind."""

    fields: tuple[str, ...]


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be used, and why."""

    reason: str


def nmea_checksum(body: bytes) -> int:
    """Return the exclusive or of what stands between `$` and `*`."""
    return reduce(xor, body, 0)


def encode_line(fields: tuple[str, ...], separator: str, checksum: Checksum) -> bytes:
    """Return a line as a device sends it."""
    body = separator.join(fields).encode("ascii", "replace")
    if checksum is Checksum.NMEA:
        return b"$" + body + b"*%02X\r\n" % nmea_checksum(body)
    return body + b"\r\n"


def decode_line(raw: bytes, separator: str, checksum: Checksum) -> Line | BadLine:
    """Return the fields of a line without its end, or what is wrong with it."""
    if checksum is Checksum.NMEA:
        start = raw.rfind(b"$")  # what stands before it is noise, or a sentence that was cut
        body, star, digits = raw[start + 1 :].partition(b"*")
        if start < 0 or not star:
            return BadLine(f"no sentence with a checksum: {_shown(raw)}")
        if digits.strip().upper() != b"%02X" % nmea_checksum(body):
            said = digits.strip().decode("ascii", "replace")
            return BadLine(f"checksum mismatch: received {said!r}, computed {nmea_checksum(body):02X}")
        raw = body
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        return BadLine(f"not ASCII: {_shown(raw)}")
    return Line(tuple(field.strip() for field in text.split(separator)))


class LineReader:
    """Cuts a stream into lines, wherever it was cut before; empty ones are nothing."""

    def __init__(self, separator: str, checksum: Checksum) -> None:
        self._separator = separator
        self._checksum = checksum
        self._rest = b""
        self._lost = False

    def feed(self, data: bytes) -> list[Line | BadLine]:
        """Return each line that ends in `data`."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        found: list[Line | BadLine] = []
        for raw in whole:
            raw = raw.strip(b"\r\0 ")
            if raw and not self._lost:
                found.append(decode_line(raw, self._separator, self._checksum))
            self._lost = False
        if len(self._rest) > LONGEST:
            found.append(BadLine(f"no line end within {LONGEST} bytes: {_shown(self._rest)}"))
            self._rest, self._lost = b"", True
        return found


def _shown(raw: bytes) -> str:
    return repr(raw[:40].decode("ascii", "backslashreplace")) + (" ..." if len(raw) > 40 else "")
