"""The three shapes of an open wire, and the tap through which all that passes is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from testbed.errors import LinkError

from .gatt_table import GattTable


class Direction(IntEnum):
    """As seen from the controller: RX comes from the device, TX goes to it.

    OPEN and LOST are marks in the same stream, which carry no bytes of the device: a link was opened
    (of GATT: with what the device offers), or it was lost or could not be opened, and why.
    """

    RX = 0
    TX = 1
    OPEN = 2
    LOST = 3

    @property
    def is_mark(self) -> bool:
        """Whether it tells of the link and not of bytes on it."""
        return self >= Direction.OPEN


Tap = Callable[[int, Direction, bytes], None]
"""Called with session time in ns, direction and the very bytes (or an encoded message) that passed."""

BytesReceived = Callable[[int, bytes], None]
"""Called with the time of arrival in session ns and the bytes."""

MessageReceived = Callable[[int, str, bytes], None]
"""Called with the time of arrival in session ns, the topic and the payload."""


@dataclass(frozen=True)
class Will:
    """What the broker publishes for a client whose connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


Lost = Callable[[str], None]
"""Called once, with the reason, when the wire is gone; never after `close`."""


class LinkLost(LinkError):
    """The wire went away while it was in use."""


def no_tap(time_ns: int, direction: Direction, data: bytes) -> None:
    """Record nothing."""


class ByteLink(Protocol):
    """A stream of bytes: serial, TCP, pty, memory."""

    def write(self, data: bytes) -> None:
        """Send without blocking; raises LinkLost when the wire is gone."""

    def close(self) -> None:
        """Close; `lost` is not called for it."""


class MessageLink(Protocol):
    """Topics and payloads: MQTT."""

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Hand over for sending without blocking; raises LinkLost when the wire is gone.

        `retain` has the broker keep it for who subscribes later. After `expiry_s` seconds a broker that
        speaks MQTT 5 drops it instead of delivering it; others deliver it however late.
        """

    async def run(self) -> None:
        """Send what is published until the wire is lost (then `lost` is called) or `close`."""

    def close(self) -> None:
        """Close; `lost` is not called for it."""

    def vanish(self) -> None:
        """Close without a goodbye, so that the broker publishes the will."""


class AttributeLink(Protocol):
    """Named values that are read, written and subscribed to: GATT. UUIDs are 128-bit, lower case."""

    @property
    def table(self) -> GattTable:
        """What the device offers, as it was discovered."""

    async def read(self, characteristic: str) -> tuple[int, bytes]:
        """Read a characteristic; returns the time of the answer's arrival in session ns and the value."""

    async def write(self, characteristic: str, value: bytes, *, response: bool = True) -> None:
        """Write a characteristic's value, with or without the device's response."""

    async def subscribe(self, characteristic: str, received: BytesReceived) -> None:
        """Call `received` for each notification or indication."""

    async def close(self) -> None:
        """Disconnect; `lost` is not called for it."""
