"""Two ends of a wire inside one process: what is written at one end arrives at the other."""

from __future__ import annotations

import asyncio
from functools import partial

from testbed.clock import Clock

from .base import BytesReceived, Direction, LinkLost, Lost, Tap, no_tap


class MemoryEnd:
    """One end; set `received` and `lost` before the first byte arrives."""

    def __init__(self, clock: Clock, name: str, tap: Tap = no_tap, transit_ns: int = 0) -> None:
        self.name = name
        self._transit_ns = transit_ns
        self.received: BytesReceived | None = None
        self.lost: Lost | None = None
        self.peer: MemoryEnd | None = None
        self._clock = clock
        self._tap = tap
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        """Send; it arrives in a turn of its own, in order, as on a real wire."""
        peer = self.peer
        if peer is None:
            raise LinkLost(f"{self.name}: the wire is closed")
        now = self._clock.now()
        self._tap(now, Direction.TX, data)
        arrive = partial(peer._arrived, data)  # noqa: SLF001  (the other end of this wire)
        if self._transit_ns:
            self._clock.at(now + self._transit_ns, arrive)
        else:
            self._loop.call_soon(arrive)

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


def memory_pair(
    clock: Clock, tap: Tap = no_tap, name: str = "memory", transit_ns: int = 0
) -> tuple[MemoryEnd, MemoryEnd]:
    """Return (controller's end, device's end); `tap` listens at the controller's end.

    What is sent arrives `transit_ns` later, 0 meaning in the next turn of the loop.
    """
    near = MemoryEnd(clock, name, tap, transit_ns)
    far = MemoryEnd(clock, f"{name} (device)", transit_ns=transit_ns)
    near.peer, far.peer = far, near
    return near, far
