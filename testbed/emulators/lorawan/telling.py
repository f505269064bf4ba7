"""What a network server says of a device, before it is put into the words of one server or another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from testbed.protocols.lorawan.events import Downlink
from testbed.protocols.lorawan.frames import DataFrame
from testbed.protocols.lorawan.semtech import Received

Told = list[tuple[str, bytes]]
"""Kinds of events and their payloads; none where a server says nothing of the kind."""


@dataclass(frozen=True)
class Copy:
    """A frame as one gateway heard it."""

    gateway: int
    received: Received


@dataclass(frozen=True)
class Heard:
    """An uplink in the clear, and all copies of it, the best first."""

    frame: DataFrame
    copies: tuple[Copy, ...]
    deduplication_id: str

    @property
    def best(self) -> Received:
        """The copy with the best SNR."""
        return self.copies[0].received


@dataclass
class Item:
    """A downlink in the queue, with the counter that it was sent with."""

    downlink: Downlink
    f_cnt: int = 0
    tries: int = 0


@dataclass(frozen=True)
class Sent:
    """How a gateway took a frame: its EUI, frequency (Hz), power (dBm), delay (s) and spreading factor."""

    gateway: int
    frequency: int
    power: int
    delay: float
    spreading_factor: int


class Teller(Protocol):
    """Puts events into the words of one server."""

    tries: int
    """How often that server sends a confirmed downlink that is not acknowledged."""

    def new_id(self) -> str:
        """Return an id for a downlink that came without one."""

    def joined(self, dev_addr: int, deduplication_id: str) -> Told:
        """Tell that the device has joined."""

    def up(self, heard: Heard) -> Told:
        """Tell of an uplink."""

    def queued(self, item: Item) -> Told:
        """Tell that a downlink is in the queue."""

    def sent(self, item: Item, sent: Sent) -> Told:
        """Tell that a gateway took a downlink."""

    def acknowledged(self, item: Item, heard: Heard, acknowledged: bool) -> Told:
        """Tell whether the uplink after a confirmed downlink acknowledged it."""

    def expired(self, item: Item) -> Told:
        """Tell that a downlink waited too long."""

    def too_long(self, item: Item, limit: int) -> Told:
        """Tell that a downlink has more bytes than its data rate carries."""

    def not_sent(self, item: Item) -> Told:
        """Tell that no gateway would send a downlink."""

    def refused(self, code: str, text: str, deduplication_id: str) -> Told:
        """Tell that an uplink was refused: it came before, or its counter went back."""
