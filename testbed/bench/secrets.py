"""What nobody may read in a recording: what the environment gave, and passwords, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .wires import Wire

_PASSWORD = re.compile(rb"(//[^/@?\s\"':]*):(?!\$\{\w+\}@)[^?\s\"']+@")
_SHORTEST = 4  # bytes; what is shorter cannot be told from other words and numbers of a file


class Secrets:
    """The secrets of a bench's wires, to be taken out of whatever is shown or recorded."""

    def __init__(self, wires: Iterable[Wire]) -> None:
        self._wires = [wire for wire in wires if wire.hidden]
        hidden = {value: name for wire in self._wires for value, name in wire.hidden.items()}
        self._long = {
            value.encode(): name.encode() for value, name in hidden.items() if len(value) >= _SHORTEST
        }

    def redact(self, text: str) -> str:
        """Return what is said of wires and devices, with names and *** in place of secrets."""
        for wire in self._wires:
            text = wire.redacted(text)
        return text

    def redact_file(self, data: bytes) -> bytes:
        """Return a file likewise: no password of a URL, and nothing of what the wires hide."""
        for value in sorted(self._long, key=len, reverse=True):
            name = self._long[value].replace(b"\\", b"\\\\")
            data = re.sub(rb"(?<!\w)" + re.escape(value) + rb"(?!\w)", name, data)
        return _PASSWORD.sub(rb"\1:***@", data)
