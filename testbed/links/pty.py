"""The device's end of a pseudo-terminal: what an emulated serial device is plugged into."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import sys
import termios
import tty
from pathlib import Path

from testbed.clock import Clock

from .base import BytesReceived
from .stream import StreamLink

_UNREAD_LIMIT = 2048  # bytes; the kernel's own limit for a terminal is 4095
_ON = (1).to_bytes(4, sys.byteorder)


class PtyEnd:
    """A pty whose other end appears at `path`, a stable name like those in /dev/serial/by-id.

    `plug` makes it appear, `unplug` makes it vanish as a pulled cable does: the open port of the
    controller fails and its name is gone until `plug` is called again.
    """

    def __init__(self, path: Path, clock: Clock, received: BytesReceived) -> None:
        self.path = path
        self._clock = clock
        self._received = received
        self._link: StreamLink | None = None
        self._slave = -1

    @property
    def plugged(self) -> bool:
        """Whether the port is there to be opened."""
        return self._link is not None

    def plug(self) -> None:
        """Make the port appear."""
        if self._link is not None:
            return
        master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(master, False)
        fcntl.ioctl(master, termios.TIOCPKT, _ON)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        # We keep the slave open too: otherwise the master fails whenever no controller has it open.
        self._link = StreamLink(
            master,
            self._clock,
            name=str(self.path),
            release=lambda: os.close(master),
            received=self._heard,
            lost=self._lost,
        ).start()

    def unplug(self) -> None:
        """Make the port vanish."""
        if self._link is not None:
            self._link.close()
            self._lost("unplugged")

    def write(self, data: bytes) -> None:
        """Send to the controller; into the void when unplugged or when nobody reads, as a UART would.

        Kept for later, what is sent before a controller opens the port would reach it as news.
        """
        if self._link is not None and self._unread() <= _UNREAD_LIMIT:
            self._link.write(data)

    def _heard(self, time_ns: int, data: bytes) -> None:
        """Take one packet: a byte that says what it is, then what was sent (ioctl_tty(2), TIOCPKT).

        A controller that opens the port flushes what is unread; what the kernel had no room for is as old.
        """
        if data[0] == termios.TIOCPKT_DATA:
            self._received(time_ns, data[1:])
        elif data[0] & termios.TIOCPKT_FLUSHREAD and self._link is not None:
            self._link.forget_unsent()

    def _unread(self) -> int:
        """Return how many bytes wait to be read at the controller's side."""
        count = bytearray(4)
        fcntl.ioctl(self._slave, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder)

    def _lost(self, reason: str) -> None:
        self._link = None
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(self._slave)
