"""Lines in a stream of bytes, however it is cut."""

from __future__ import annotations

import msgspec

LONGEST = 4096
"""Bytes that a line may have before its end must have come."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line without its end; `defect` says why it cannot be trusted, empty when it can."""

    text: str
    defect: str = ""


class LineReader:
    """Collects lines that end with LF or CR LF; what is longer than LONGEST is reported and skipped."""

    def __init__(self) -> None:
        self._rest = b""
        self._overrun = False

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes as they come; return the lines that they completed."""
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        lines = []
        for piece in pieces:
            if self._overrun or len(piece) > LONGEST:
                self._overrun = False
                lines.append(Line("", f"a line longer than {LONGEST} bytes"))
                continue
            # Noise on the line is shown as it came; no real answer holds a backslash and hex digits.
            lines.append(Line(piece.removesuffix(b"\r").decode("ascii", "backslashreplace")))
        if len(self._rest) > LONGEST:
            self._rest = b""
            self._overrun = True
        return lines
