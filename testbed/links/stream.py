"""A byte stream on a file descriptor: one class for serial ports, ptys and sockets.

Reading and writing the descriptor itself in the loop's reader callback is the shortest way from the
kernel to the protocol (23 to 55 us measured on a pty), and fails at once when the other end goes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from testbed.clock import Clock

from .base import BytesReceived, Direction, LinkLost, Lost, Tap, no_tap

_READ_SIZE = 16384  # more costs: each read begins with a buffer of this size
_BACKLOG_LIMIT = 1 << 20  # bytes that a peer may leave unread before we call the wire lost


class StreamLink:
    """Bytes in and out of a non-blocking descriptor, stamped on arrival, tapped both ways.

    `release` closes whatever owns the descriptor; it is called exactly once. Nothing is received
    before `start`.
    """

    def __init__(
        self,
        fd: int,
        clock: Clock,
        *,
        name: str,
        release: Callable[[], None],
        received: BytesReceived,
        lost: Lost,
        tap: Tap = no_tap,
    ) -> None:
        self.name = name
        self._fd = fd
        self._clock = clock
        self._release = release
        self._received = received
        self._lost = lost
        self._tap = tap
        self._backlog = bytearray()
        self._loop = asyncio.get_running_loop()
        self._open = True

    def start(self) -> StreamLink:
        """Begin to receive."""
        self._loop.add_reader(self._fd, self._readable)
        return self

    def hand_to(self, received: BytesReceived, lost: Lost) -> None:
        """Hand what comes, and the end, to others from now on."""
        self._received, self._lost = received, lost

    def write(self, data: bytes) -> None:
        """Send; what the kernel does not take now follows as soon as it does."""
        if not self._open:
            raise LinkLost(f"{self.name}: the wire is closed")
        self._tap(self._clock.now(), Direction.TX, data)
        if self._backlog:
            self._queue(data)
            return
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._fail(f"write failed: {error.strerror}")
            raise LinkLost(f"{self.name}: write failed: {error.strerror}") from error
        if sent < len(data):
            self._queue(data[sent:])
            self._loop.add_writer(self._fd, self._writable)

    def forget_unsent(self) -> None:
        """Send nothing any more of what the kernel has not taken yet."""
        self._backlog.clear()
        self._loop.remove_writer(self._fd)

    def close(self) -> None:
        """Close; nothing is received or reported afterwards."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._release()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:  # EIO: the far end of a pty or a USB adapter went away
            self._fail(f"read failed: {error.strerror}")
            return
        if not data:
            self._fail("the other end closed it")
            return
        time_ns = self._clock.now()
        self._tap(time_ns, Direction.RX, data)
        self._received(time_ns, data)

    def _writable(self) -> None:
        try:
            sent = os.write(self._fd, self._backlog)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(f"write failed: {error.strerror}")
            return
        del self._backlog[:sent]
        if not self._backlog:
            self._loop.remove_writer(self._fd)

    def _queue(self, data: bytes) -> None:
        self._backlog += data
        if len(self._backlog) > _BACKLOG_LIMIT:
            self._fail(f"the other end left {len(self._backlog)} bytes unread")
            raise LinkLost(f"{self.name}: the other end does not read")

    def _fail(self, reason: str) -> None:
        if self._open:
            self.close()
            self._lost(reason)
