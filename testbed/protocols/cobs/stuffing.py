"""Consistent Overhead Byte Stuffing: any bytes without a zero, so that zero can end a frame.

Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
Networking 7(2), 1999.
"""

from __future__ import annotations

_LONGEST = 254  # bytes without a zero that one code byte can announce


class StuffingError(ValueError):
    """The bytes are not the stuffing of anything."""


def stuff(data: bytes) -> bytes:
    """Return `data` without zeros, at most one byte in 254 (and one) longer."""
    out = bytearray()
    pieces = data.split(b"\0")
    for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces, strict=True):
        full = len(piece) >= _LONGEST
        while len(piece) >= _LONGEST:
            out.append(_LONGEST + 1)
            out += piece[:_LONGEST]
            piece = piece[_LONGEST:]
        # A full block stands for no zero, so nothing needs to follow it at the very end.
        if piece or left or not full:
            out.append(len(piece) + 1)
            out += piece
    return bytes(out)


def unstuff(data: bytes) -> bytes:
    """Return what was stuffed; raises StuffingError when `data` holds a zero or ends inside a block."""
    if not data:
        raise StuffingError("an empty frame")
    if 0 in data:
        raise StuffingError("a zero inside the frame")
    out: list[bytes] = []
    start, length = 0, len(data)
    while start < length:
        code = data[start]
        end = start + code
        if end > length:
            raise StuffingError(f"the frame ends {end - length} bytes early")
        out.append(data[start + 1 : end])
        if code <= _LONGEST and end < length:
            out.append(b"\0")
        start = end
    return b"".join(out)
