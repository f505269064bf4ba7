"""One open link for all devices at one wire: units behind a gateway, instruments on one serial line.

Each device's driver opens a link as if the wire were its own and gets a branch of the one that is open.
A branch is tapped by itself, so that each device's recording holds what its own driver sent and heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import (
    AttributeLink,
    ByteLink,
    BytesReceived,
    Direction,
    LinkLost,
    Lost,
    MessageLink,
    MessageReceived,
    Tap,
    Will,
    no_tap,
)
from .nus import Hold
from .opener import Opener
from .port import PortSettings
from .tls import TlsFiles

Place = tuple[str, int]
"""A host and its port, or the path of a serial port and 0."""


class Junction(Protocol):
    """Knows whose the bytes of a shared link are; branches are told by number."""

    def sent(self, branch: int, data: bytes) -> bytes:
        """Return what goes out for what a branch writes; empty while it is no whole request."""

    def received(self, data: bytes) -> Iterable[tuple[int | None, bytes]]:
        """Yield what came for which branch; None: it is for all of them."""


class LastAsked:
    """A line on which one asks at a time: what comes is for who asked last."""

    def __init__(self) -> None:
        self._last: int | None = None

    def sent(self, branch: int, data: bytes) -> bytes:
        """Note who asks."""
        self._last = branch
        return data

    def received(self, data: bytes) -> Iterable[tuple[int | None, bytes]]:
        """Hand it to that one."""
        return [(self._last, data)]


class Branch:
    """One device's part in a shared link."""

    def __init__(
        self, trunk: Trunk, number: int, clock: Clock, received: BytesReceived, lost: Lost, tap: Tap
    ) -> None:
        self._trunk = trunk
        self._number = number
        self._clock = clock
        self._tap = tap
        self._received = received
        self.lost = lost

    def write(self, data: bytes) -> None:
        """Send; raises LinkLost when the link is closed or lost in this moment."""
        self._trunk.check(self._number)
        self._tap(self._clock.now(), Direction.TX, data)
        self._trunk.write(self._number, data)

    def close(self) -> None:
        """Leave; the link closes with its last branch."""
        self._trunk.leave(self._number)

    def arrived(self, time_ns: int, data: bytes) -> None:
        """Take what came for this branch."""
        self._tap(time_ns, Direction.RX, data)
        self._received(time_ns, data)


class Trunk:
    """The link that is shared, open for as long as anybody has a branch of it."""

    def __init__(self, name: str, make: Callable[[], Junction]) -> None:
        self.opening = asyncio.Lock()
        """Held by who opens the link: whoever comes meanwhile joins it."""
        self._name = name
        self._make = make
        self._junction = make()
        self._link: ByteLink | None = None
        self._branches: dict[int, Branch] = {}
        self._joined = 0

    @property
    def open(self) -> bool:
        """Whether there is a link to join."""
        return self._link is not None

    def opened(self, link: ByteLink) -> None:
        """Share `link` from now on; nobody has written to it."""
        self._link = link
        self._junction = self._make()

    def join(self, clock: Clock, received: BytesReceived, lost: Lost, tap: Tap) -> Branch:
        """Return a branch of the open link."""
        self._joined += 1
        branch = self._branches[self._joined] = Branch(self, self._joined, clock, received, lost, tap)
        return branch

    def leave(self, number: int) -> None:
        """Close one branch, and the link with the last."""
        if self._branches.pop(number, None) is not None and not self._branches:
            self._close()

    def check(self, number: int) -> None:
        """Raise LinkLost when a branch is closed."""
        if number not in self._branches:
            raise LinkLost(f"{self._name}: the wire is closed")

    def write(self, number: int, data: bytes) -> None:
        """Send what is whole."""
        whole = self._junction.sent(number, data)
        if whole and self._link is not None:
            self._link.write(whole)

    def received(self, time_ns: int, data: bytes) -> None:
        """Hand on what came; who has left meanwhile gets nothing."""
        for number, part in self._junction.received(data):
            for each in list(self._branches) if number is None else [number]:
                if (branch := self._branches.get(each)) is not None:
                    branch.arrived(time_ns, part)

    def lost(self, reason: str) -> None:
        """Tell everybody; the next one to come opens it again."""
        self._link = None
        branches, self._branches = self._branches, {}
        for branch in branches.values():
            branch.lost(reason)

    def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


class SharingOpener:
    """Opens links once for all devices at one place; every other link as `inner` does."""

    def __init__(self, inner: Opener, junctions: Mapping[Place, Callable[[], Junction]]) -> None:
        """Share the links to the places that have a junction."""
        self._inner = inner
        self._trunks = {place: Trunk(_name(place), make) for place, make in junctions.items()}

    def serial(
        self,
        port: str,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        settings: PortSettings,
    ) -> ByteLink:
        """Open a serial port, or join it; whoever joins has to want the settings that it has."""
        trunk = self._trunks.get((port, 0))
        if trunk is None:
            return self._inner.serial(
                port, clock, received=received, lost=lost, tap=tap, settings=settings,
            )  # fmt: skip
        if not trunk.open:
            trunk.opened(
                self._inner.serial(
                    port, clock, received=trunk.received, lost=trunk.lost, tap=no_tap, settings=settings,
                )
            )  # fmt: skip
        return trunk.join(clock, received, lost, tap)

    async def tcp(
        self,
        host: str,
        port: int,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        tls: TlsFiles | None = None,
    ) -> ByteLink:
        """Connect to a device, or join the connection."""
        trunk = self._trunks.get((host, port))
        if trunk is None:
            return await self._inner.tcp(host, port, clock, received=received, lost=lost, tap=tap, tls=tls)
        async with trunk.opening:
            if not trunk.open:
                link = await self._inner.tcp(
                    host, port, clock, received=trunk.received, lost=trunk.lost, tap=no_tap, tls=tls
                )
                trunk.opened(link)
            return trunk.join(clock, received, lost, tap)

    async def rfc2217(
        self,
        host: str,
        port: int,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        settings: PortSettings,
    ) -> ByteLink:
        """Open a serial port at an access server."""
        return await self._inner.rfc2217(
            host, port, clock, received=received, lost=lost, tap=tap, settings=settings
        )

    async def mqtt(
        self,
        wire: Wire,
        clock: Clock,
        *,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
        retained: MessageReceived | None = None,
        will: Will | None = None,
    ) -> MessageLink:
        """Connect to a broker and subscribe."""
        return await self._inner.mqtt(
            wire, clock, subscriptions=subscriptions, received=received, lost=lost, tap=tap,
            retained=retained, will=will,
        )  # fmt: skip

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        return await self._inner.nus(wire, clock, received=received, lost=lost, tap=tap, hold=hold)

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> AttributeLink:
        """Connect to a Bluetooth LE device and discover its services."""
        return await self._inner.gatt(wire, clock, lost=lost, tap=tap)


def _name(place: Place) -> str:
    return f"{place[0]}:{place[1]}" if place[1] else place[0]
