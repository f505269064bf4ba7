"""A stream of bytes over Bluetooth LE: Nordic's UART Service, as its firmware and many modules have it.

Source: Nordic Semiconductor, nRF Connect SDK, "Nordic UART Service (NUS)".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from testbed.clock import Clock
from testbed.errors import LinkError

from .base import AttributeLink, BytesReceived, Direction, LinkLost, Lost, Tap

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
TO_DEVICE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
"""Written by the controller: RX, as the device sees it."""
FROM_DEVICE = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
"""Notified by the device: TX."""

LEAST_MTU = 23  # vol 3 part F, 3.2.8
HEADER = 3  # bytes of a write or a notification before the value (vol 3 part F, 3.4.5 and 3.4.7)
_LIMIT = 64 * 1024  # bytes that may wait; minutes at what a slow connection carries

Connect = Callable[[Lost], Awaitable[AttributeLink]]
Hold = Callable[["asyncio.Task[None]"], None]
"""Takes a task that may outlive its link by the moment that disconnecting takes; its holder awaits it."""


async def open_nus(
    connect: Connect, name: str, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
) -> NusLink:
    """Connect and listen; raises LinkLost when the device cannot be reached, LinkError when it has no NUS.

    `tap` hears the bytes of the stream, not the packets that carry them.
    """
    link = NusLink(name, clock, received, lost, tap)
    attributes = await connect(link.gone)
    try:
        await link.listen(attributes)
    except BaseException:
        await attributes.close()
        raise
    hold(link.start(attributes))
    return link


class NusLink:
    """The bytes of both ways; what is written waits in order for its turn on the air."""

    def __init__(self, name: str, clock: Clock, received: BytesReceived, lost: Lost, tap: Tap) -> None:
        self._name = name
        self._clock = clock
        self._received = received
        self._lost = lost
        self._tap = tap
        self._waiting = bytearray()
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._open = True

    async def listen(self, attributes: AttributeLink) -> None:
        """Subscribe to what the device sends."""
        able = attributes.table.properties(SERVICE, TO_DEVICE)
        if able is None or attributes.table.properties(SERVICE, FROM_DEVICE) is None:
            raise LinkError(
                f"{self._name} has no Nordic UART Service",
                "a device whose profile has characteristics is reached over ble://",
            )
        self._responds = "write-without-response" not in able
        await attributes.subscribe(FROM_DEVICE, self._arrived)

    def start(self, attributes: AttributeLink) -> asyncio.Task[None]:
        """Begin to send; the task disconnects at its end."""
        self._task = asyncio.create_task(self._run(attributes), name=f"bytes to {self._name}")
        return self._task

    def write(self, data: bytes) -> None:
        """Send in turn; raises LinkLost when the connection is gone, or too slow for what is sent."""
        if not self._open:
            raise LinkLost(f"{self._name}: the wire is closed")
        if len(self._waiting) + len(data) > _LIMIT:
            raise LinkLost(
                f"{self._name}: {len(self._waiting)} bytes wait already, the connection is too slow"
            )
        self._tap(self._clock.now(), Direction.TX, data)
        self._waiting += data
        self._filled.set()

    def close(self) -> None:
        """Disconnect; what waits is not sent, and `lost` is not called for it."""
        self._open = False
        if self._task is not None:
            self._task.cancel()

    def gone(self, reason: str) -> None:
        """Hear that the connection is lost."""
        if self._open:
            self._open = False
            self._lost(reason)

    def _arrived(self, time_ns: int, data: bytes) -> None:
        if self._open:
            self._tap(time_ns, Direction.RX, data)
            self._received(time_ns, data)

    async def _run(self, attributes: AttributeLink) -> None:
        size = (attributes.table.mtu or LEAST_MTU) - HEADER
        try:
            while True:
                await self._filled.wait()
                piece = bytes(self._waiting[:size])
                del self._waiting[:size]
                if not self._waiting:
                    self._filled.clear()
                await attributes.write(TO_DEVICE, piece, response=self._responds)
        except LinkError as error:
            self.gone(str(error))
        finally:
            with contextlib.suppress(LinkError):
                await attributes.close()
