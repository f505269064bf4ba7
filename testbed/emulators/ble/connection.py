"""Our end of the D-Bus: dbus-fast with a bounded queue in front of its socket.

dbus-fast gives a connection up when the kernel takes no more (BlockingIOError in its writer), which a
burst of notifications reaches in milliseconds. Here a message is handed to it only when the socket
has room, and notifications that find the queue full are dropped and counted, as on the air.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections import deque

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from testbed.errors import TestbedError

_LIMIT = 2000  # messages; at the most that bleak takes in, about a second


class Connection(MessageBus):
    """A connection to one D-Bus as one well-known name."""

    def __init__(self, address: str) -> None:
        super().__init__(address, BusType.SYSTEM)
        self.dropped = 0
        self._outbox: deque[Message] = deque()
        self._room = select.poll()
        self._signal_fd = -1

    async def open(self) -> None:
        """Connect; raises TestbedError when the bus does not answer."""
        try:
            await self.connect()
        except Exception as error:  # dbus-fast raises ValueError, OSError, EOFError and its own
            raise TestbedError(f"the private D-Bus does not answer: {error}") from error
        # epoll knows a descriptor once; the copy lets us wait for room beside dbus-fast's own writer.
        assert self._fd is not None  # noqa: S101  (it is connected)
        self._signal_fd = os.dup(self._fd)
        self._room.register(self._signal_fd, select.POLLOUT)

    async def ended(self) -> None:
        """Return when the bus is gone, for whatever reason."""
        await asyncio.gather(self._disconnect_future, return_exceptions=True)

    async def close(self) -> None:
        """Send what waits, as far as there is room, and close."""
        if self._signal_fd >= 0:
            self._flush()
            self._loop.remove_writer(self._signal_fd)
            os.close(self._signal_fd)
            self._signal_fd = -1
        self.disconnect()
        await self.ended()

    def post(self, message: Message, *, droppable: bool = False) -> None:
        """Send a message, or queue it until there is room; once closed, nobody is told anything."""
        if self._signal_fd < 0:
            return
        if droppable and len(self._outbox) >= _LIMIT:
            self.dropped += 1
            return
        self._outbox.append(message)
        if len(self._outbox) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._outbox and self.connected:
            if not self._room.poll(0):
                self._loop.add_writer(self._signal_fd, self._flush)
                return
            self.send(self._outbox.popleft()).add_done_callback(_settled)
        self._loop.remove_writer(self._signal_fd)


def _settled(sent: asyncio.Future[None]) -> None:
    """Take note of a failed write; that the bus is gone is told by wait_for_disconnect."""
    if not sent.cancelled():
        sent.exception()
