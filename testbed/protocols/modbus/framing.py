"""The framings in which one request is answered at a time, and what differs between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import lines, rtu
from .pdu import Transaction


class ClientReader(Protocol):
    """Finds the response to one request."""

    def expect(self, transaction: Transaction) -> None:
        """Wait for the response to `transaction`."""

    def feed(self, data: bytes) -> bytes | None:
        """Return its PDU once it has come whole."""

    def received(self) -> str:
        """Return what has come instead, for people."""


class ServerReader(Protocol):
    """Finds the requests to one unit."""

    def feed(self, time_ns: int, data: bytes) -> list[tuple[int, bytes]]:
        """Return (unit, PDU) of each whole request."""


@dataclass(frozen=True)
class Framing:
    """How a PDU is put on a line; `silence_ns` is what a line's speed asks for between two frames."""

    name: str
    encode: Callable[[int, bytes], bytes]
    decode: Callable[[bytes], tuple[int, bytes] | None]
    """Returns (unit, PDU) of a whole frame, None for one that is none."""
    damaged: Callable[[bytes], bytes]
    """Returns a whole frame with another check than its own."""
    client: Callable[[int], ClientReader]
    server: Callable[[int], ServerReader]
    silence_ns: Callable[[int], int]
    per_byte: int
    """Characters on the line for each byte of a PDU."""


RTU_FRAMING = Framing(
    "rtu",
    rtu.encode_frame,
    rtu.decode_frame,
    rtu.damaged,
    rtu.RtuClientReader,
    rtu.RtuServerReader,
    rtu.silence_ns,
    1,
)
ASCII_FRAMING = Framing(
    "ascii",
    lines.encode_frame,
    lines.decode_frame,
    lines.damaged,
    lines.AsciiClientReader,
    lines.AsciiServerReader,
    lambda baud: 0,
    2,
)
