"""What a script answers: how an attempt to open goes, what comes when, and where the controller parts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from testbed.clock import NS

_SHOWN = 48  # bytes


class Opened(NamedTuple):
    """The link is open. `data` is what the recording says of it (of GATT: the table of what it offers)."""

    data: bytes


class Refused(NamedTuple):
    """The attempt fails, as it did in the recording."""

    reason: str


class WaitUntil(NamedTuple):
    """The attempt goes on; ask again at `time_ns`. `refused` says how it will end."""

    time_ns: int
    refused: bool


class Delivery(NamedTuple):
    """Bytes for the controller; `time_ns` is when they came in the recording."""

    time_ns: int
    data: bytes


class Loss(NamedTuple):
    """The link is lost."""

    time_ns: int
    reason: str


class Parting(StrEnum):
    """How a controller leaves its recording."""

    ASKED = "asked, which the recording does not"
    MISSED = "never asked, which the recording does"
    OPENED = "opened the link, which the recording does not"
    UNOPENED = "never opened the link, which the recording does"


class Divergence(NamedTuple):
    """Where a controller left its recording: at `time_ns`, with `data`.

    `nearest` is the recorded request (time, bytes) that comes closest to what was asked, if any does.
    """

    time_ns: int
    parting: Parting
    data: bytes = b""
    nearest: tuple[int, bytes] | None = None

    def words(self, start_ns: int, say: Callable[[bytes], str] | None = None) -> str:
        """Return it for people, with times in seconds since `start_ns`; `say` puts bytes into words."""
        say = say or shown
        text = f"at {_seconds(self.time_ns, start_ns)} s the controller {self.parting}"
        if self.data:
            text += f": {say(self.data)}"
        if self.nearest is not None:
            time_ns, data = self.nearest
            text += f"; the nearest recorded is {say(data)} at {_seconds(time_ns, start_ns)} s"
        return text


def shown(data: bytes) -> str:
    """Return bytes for people: as text where they are text, else in hexadecimal."""
    text = as_text(data)
    more = " ..." if len(data) > _SHOWN else ""
    return (data[:_SHOWN].hex(" ") if text is None else f"'{text}'") + more


def as_text(data: bytes) -> str | None:
    """Return the beginning of printable bytes as text, without the end of the line; None for others."""
    text = data[:_SHOWN].rstrip(b"\r\n").decode("ascii", "backslashreplace")
    return text if text and text.isprintable() and "\\x" not in text else None


def _seconds(time_ns: int, start_ns: int) -> str:
    return f"{(time_ns - start_ns) / NS:.3f}"
