"""Lines in a stream of bytes, however it is cut."""

from __future__ import annotations

import msgspec

from .blocks import find_block, line_end

LONGEST = 4096
"""Bytes that a line may have before its end must have come."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line without its end; `defect` says why it cannot be trusted, empty when it can."""

    text: str
    defect: str = ""
    block: bytes | None = None
    """The bytes of a block, if the line begins with one; `text` then says how many."""


class LineReader:
    """Collects lines that end with LF or CR LF; what is longer than LONGEST is reported and skipped."""

    def __init__(self) -> None:
        self._rest = b""
        self._overrun = False

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes as they come; return the lines that they completed."""
        data = self._rest + data
        lines, at = [], 0
        while end := data.find(b"\n", at) + 1 if self._overrun else line_end(data, at):
            lines.append(self._line(data[at : end - 1]))
            self._overrun = False
            at = end
        self._rest = data[at:]
        if len(self._rest) > LONGEST and find_block(self._rest) is None:
            self._rest = b""
            self._overrun = True
        return lines

    def _line(self, piece: bytes) -> Line:
        block = None if self._overrun else find_block(piece)
        if block is not None and block[1] <= len(piece):
            return Line(f"a block of {block[1] - block[0]} bytes", block=piece[slice(*block)])
        if self._overrun or len(piece) > LONGEST:
            return Line("", f"a line longer than {LONGEST} bytes")
        # Noise on the line is shown as it came; no real answer holds a backslash and hex digits.
        return Line(piece.removesuffix(b"\r").decode("ascii", "backslashreplace"))
