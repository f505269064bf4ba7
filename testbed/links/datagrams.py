"""Datagrams: UDP on this machine, and the same in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from testbed.clock import Clock

from .base import LinkLost

Address = tuple[str, int]
"""Host and port."""

DatagramReceived = Callable[[bytes, Address], None]
"""Called with the bytes of a datagram and with who sent it."""


class DatagramEnd(Protocol):
    """Where datagrams are sent from and arrive at."""

    @property
    def address(self) -> Address:
        """Its own."""

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; like any, it may be lost, and nobody is told."""

    def close(self) -> None:
        """Take no more."""


class UdpEnd(asyncio.DatagramProtocol):
    """A UDP socket of this machine."""

    def __init__(self, received: DatagramReceived) -> None:
        self._received = received
        self._transport: asyncio.DatagramTransport | None = None
        self.address: Address = ("", 0)

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> UdpEnd:
        """Bind it, to a free port unless one is given; raises LinkLost with the cause."""
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, (host, port)
            )
        except OSError as error:
            raise LinkLost(f"cannot bind UDP port {port} of {host}: {error.strerror or error}") from error
        self.address = self._transport.get_extra_info("sockname")[:2]
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand on what came."""
        self._received(data, (addr[0], addr[1]))

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)

    def close(self) -> None:
        """Take no more."""
        if self._transport is not None:
            self._transport.close()


class MemoryPost:
    """Carries datagrams between the ends that it has made, in memory."""

    def __init__(self, transit_ns: int) -> None:
        self._transit_ns = transit_ns
        self._ends: dict[Address, MemoryDatagrams] = {}
        self._made = 0

    def open(self, clock: Clock, received: DatagramReceived) -> MemoryDatagrams:
        """Return an end with an address of its own."""
        self._made += 1
        end = MemoryDatagrams(self, clock, ("memory", self._made), received)
        self._ends[end.address] = end
        return end

    def carry(self, data: bytes, sender: MemoryDatagrams, to: Address) -> None:
        """Deliver a datagram after a transit, if its receiver is still there then."""

        def deliver() -> None:
            end = self._ends.get(to)
            if end is not None:
                end.received(data, sender.address)

        sender.clock.at(sender.clock.now() + self._transit_ns, deliver)

    def forget(self, end: MemoryDatagrams) -> None:
        """Deliver nothing more there."""
        self._ends.pop(end.address, None)


class MemoryDatagrams:
    """One end of a `MemoryPost`."""

    def __init__(self, post: MemoryPost, clock: Clock, address: Address, received: DatagramReceived) -> None:
        self.clock = clock
        self.address = address
        self.received = received
        self._post = post

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        self._post.carry(data, self, to)

    def close(self) -> None:
        """Take no more."""
        self._post.forget(self)
