"""What an FMU says while it works, kept for the moment when it fails."""

from __future__ import annotations

from collections import deque
from typing import Any

STATUS = ("ok", "warning", "discard", "error", "fatal", "pending")
_KEPT = 8
_LOUD = ("logStatusError", "logStatusFatal")  # categories that every FMU may offer (FMI 2.0, section 2.2.4)


class Messages:
    """The newest messages of one FMU. `take` is what it is given to call."""

    def __init__(self, version: int) -> None:
        self._said: deque[str] = deque(maxlen=_KEPT)
        self.take: Any = self._take2 if version == 2 else self._take3

    def __str__(self) -> str:
        return "".join(f"\n  it said  {line}" for line in self._said)

    def choose(self, fmu: Any, offered: set[str]) -> None:
        """Ask an FMU that tells of each call to it to tell of what fails alone."""
        if any("call" in name.lower() for name in offered):
            fmu.setDebugLogging(True, [name for name in _LOUD if name in offered])

    def _take2(self, _component: Any, _name: bytes, status: int, _category: bytes, message: bytes) -> None:
        self._take3(None, status, b"", message)

    def _take3(self, _environment: Any, status: int, _category: bytes, message: bytes) -> None:
        text = (message or b"").decode(errors="replace").strip()
        if text:
            self._said.append(f"{STATUS[status] if 0 <= status < len(STATUS) else status}: {text[:500]}")
