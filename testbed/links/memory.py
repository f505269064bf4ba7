"""Two ends of a wire inside one process: what is written at one end arrives at the other."""

from __future__ import annotations

import asyncio

from testbed.clock import Clock

from .base import BytesReceived, Direction, LinkLost, Lost, Tap, no_tap


class MemoryEnd:
    """One end; set `received` and `lost` before the first byte arrives."""

    def __init__(self, clock: Clock, name: str, tap: Tap = no_tap) -> None:
        self.name = name
        self.received: BytesReceived | None = None
        self.lost: Lost | None = None
        self.peer: MemoryEnd | None = None
        self._clock = clock
        self._tap = tap
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        """Send; it arrives in a turn of its own, in order, as on a real wire."""
        if self.peer is None:
            raise LinkLost(f"{self.name}: the wire is closed")
        self._tap(self._clock.now(), Direction.TX, data)
        self._loop.call_soon(self.peer._arrived, data)  # noqa: SLF001  (the other end of this wire)

    def close(self) -> None:
        """Close this end; the other end loses the wire."""
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
            if peer.lost is not None:
                self._loop.call_soon(peer.lost, "the other end closed it")

    def _arrived(self, data: bytes) -> None:
        if self.peer is not None and self.received is not None:
            time_ns = self._clock.now()
            self._tap(time_ns, Direction.RX, data)
            self.received(time_ns, data)


def memory_pair(clock: Clock, tap: Tap = no_tap, name: str = "memory") -> tuple[MemoryEnd, MemoryEnd]:
    """Return (controller's end, device's end); `tap` listens at the controller's end."""
    near, far = MemoryEnd(clock, name, tap), MemoryEnd(clock, f"{name} (device)")
    near.peer, far.peer = far, near
    return near, far
