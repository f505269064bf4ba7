"""What the ends of all faulty links share: what is recorded is what the driver sent and heard."""

from __future__ import annotations

from collections.abc import Callable

from testbed.clock import Clock
from testbed.links.base import Direction, Lost, Tap

from .wire import FaultyWire


class FaultyEnd:
    """The driver's end of one link.

    While the wire is sound, the link under it records what passes, at its times. While it is not, this end
    does, with what it takes from the driver and hands to it.
    """

    def __init__(self, wire: FaultyWire, clock: Clock, lost: Lost, tap: Tap) -> None:
        self.wire = wire
        self.clock = clock
        self._lost = lost
        self._tap = tap
        self._own = 0
        self._open = True
        self._close_inner: Callable[[], object] = lambda: None

    def joined(self, close: Callable[[], object]) -> None:
        """Know how the link under it is closed, now that it is open."""
        self._close_inner = close
        self.wire.join(self, self._cut)

    def tapped(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Hear of what passes in the link under this one."""
        if self._own or not self.wire.quiet(direction):
            return  # told here already, or to be told when it arrives
        self._tap(time_ns, direction, data)

    def tap(self, direction: Direction, data: bytes) -> int:
        """Record what passes here; returns its time."""
        now = self.clock.now()
        self._tap(now, direction, data)
        return now

    def lost(self, reason: str) -> None:
        """Hear that the link under this one is lost."""
        if self._open:
            self._end()
            self._lost(reason)

    def send_on(self, send: Callable[[], None]) -> None:
        """Send into the link under this one what is recorded already."""
        if not self._open:
            return
        self._own += 1
        try:
            send()
        finally:
            self._own -= 1

    def _cut(self, reason: str) -> None:
        close = self._close_inner
        self.lost(reason)
        close()

    def _end(self) -> None:
        self._open = False
        self.wire.leave(self)
