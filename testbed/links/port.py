"""How a serial port is set, and the lines of it that carry no bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .base import ByteLink


@dataclass(frozen=True)
class PortSettings:
    """8 data bits and no flow control; `dtr` and `rts` None: as the system sets them (on)."""

    baud: int = 115200
    parity: str = "N"
    stop_bits: float = 1.0
    dtr: bool | None = None
    rts: bool | None = None


@dataclass(frozen=True)
class ModemLines:
    """What the other end says without bytes: clear to send, data set ready, ring, carrier."""

    cts: bool
    dsr: bool
    ri: bool
    cd: bool


@runtime_checkable
class PortLink(ByteLink, Protocol):
    """A byte stream on a serial port, here or at a server's."""

    def modem_lines(self) -> ModemLines:
        """Return the lines as last known; raises LinkLost where the port has none or is gone."""

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Raise or drop DTR and RTS; None leaves one as it is."""

    def set_break(self, on: bool) -> None:
        """Hold the line in the break state until it is told to end."""
