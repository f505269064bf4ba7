"""One end of a byte stream that notes what happens to it."""

from __future__ import annotations

import asyncio

from testbed.links import Direction


async def turns(count: int = 20) -> None:
    """Let the event loop turn: what has not happened by then was not going to."""
    for _ in range(count):
        await asyncio.sleep(0)


class End:
    """Give `received`, `lost` and `tap` to a link; then look here."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.times: list[int] = []
        self.losses: list[str] = []
        self.tapped: list[tuple[int, Direction, bytes]] = []

    def received(self, time_ns: int, data: bytes) -> None:
        self.times.append(time_ns)
        self.data += data

    def lost(self, reason: str) -> None:
        self.losses.append(reason)

    def tap(self, time_ns: int, direction: Direction, data: bytes) -> None:
        self.tapped.append((time_ns, direction, bytes(data)))

    def passed(self, direction: Direction) -> bytes:
        """Return all bytes that the tap saw in one direction."""
        return b"".join(data for _, seen, data in self.tapped if seen is direction)
