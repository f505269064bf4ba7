"""A byte stream with faults in it."""

from __future__ import annotations

import contextlib

from testbed.clock import Clock
from testbed.links.base import ByteLink, BytesReceived, Direction, LinkLost, Lost, Tap

from .end import FaultyEnd
from .wire import FaultyWire


class FaultyStream(FaultyEnd):
    """Serial or TCP, through a faulty wire."""

    def __init__(self, wire: FaultyWire, clock: Clock, received: BytesReceived, lost: Lost, tap: Tap) -> None:
        super().__init__(wire, clock, lost, tap)
        self._received = received
        self._inner: ByteLink | None = None

    def over(self, inner: ByteLink) -> FaultyStream:
        """Put it over an open link."""
        self._inner = inner
        self.joined(inner.close)
        return self

    def write(self, data: bytes) -> None:
        """Send without blocking; raises LinkLost when the wire is gone."""
        if self._inner is None or not self._open:
            raise LinkLost(f"the wire of {self.wire.name} is closed")
        if self.wire.quiet(Direction.TX):
            self._inner.write(data)
            return
        self.tap(Direction.TX, data)
        self.wire.carry(Direction.TX, data, self._send)

    def arrived(self, time_ns: int, data: bytes) -> None:
        """Hear what comes from the device."""
        if self.wire.quiet(Direction.RX):
            self._received(time_ns, data)
        else:
            self.wire.carry(Direction.RX, data, self._hand_on)

    def close(self) -> None:
        """Close; `lost` is not called for it."""
        self._end()
        if self._inner is not None:
            self._inner.close()

    def _send(self, data: bytes) -> None:
        inner = self._inner
        if inner is not None:
            with contextlib.suppress(LinkLost):  # it has told its loss already
                self.send_on(lambda: inner.write(data))

    def _hand_on(self, data: bytes) -> None:
        if self._open:
            self._received(self.tap(Direction.RX, data), data)
