"""Where emulated devices are plugged in: real wires of this machine, or wires in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import MessageLink, PtyEnd, Switchboard, listen_tcp, no_tap
from testbed.links.base import BytesReceived, Lost, MessageReceived, Will
from testbed.links.datagrams import DatagramEnd, DatagramReceived, UdpEnd
from testbed.links.memory_mqtt import MemoryBroker
from testbed.links.switchboard import TRANSIT_NS, MemoryPort
from testbed.links.tcp import Accept

from .broker import Broker, open_broker

if TYPE_CHECKING:
    from bumble.device import Device


class SerialEnd(Protocol):
    """The device's end of a serial line."""

    @property
    def path(self) -> Path | str:
        """The port at which the controller finds it."""

    def plug(self) -> None:
        """Make the port appear."""

    def unplug(self) -> None:
        """Make the port vanish as a pulled cable does."""

    def write(self, data: bytes) -> None:
        """Send to the controller; raises LinkLost when it went away in this moment."""


class Places(Protocol):
    """Where an emulator finds the device's ends of its wires; `name` is the device's."""

    files: Path | None
    """Where files of a device may stand while it is emulated; None where nothing is to be left on disk."""

    def serial(self, name: str, clock: Clock, received: BytesReceived) -> SerialEnd:
        """Return a port that is not plugged in yet."""

    def listen(
        self, name: str, clock: Clock, accept: Accept
    ) -> contextlib.AbstractAsyncContextManager[tuple[str, int]]:
        """Accept connections at the yielded host and port while the block runs."""

    def broker(self, port: int = 0) -> contextlib.AbstractAsyncContextManager[Broker]:
        """Run an MQTT broker while the block runs, at `port` if it is not 0."""

    async def mqtt(
        self,
        wire: Wire,
        clock: Clock,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        will: Will | None = None,
    ) -> MessageLink:
        """Connect to that broker."""

    async def datagrams(self, clock: Clock, received: DatagramReceived) -> DatagramEnd:
        """Return an end for datagrams with an address of its own, to be closed by who asked."""

    def adapter(self, central: Device, clock: Clock) -> contextlib.AbstractAsyncContextManager[str]:
        """Be the controller's Bluetooth adapter while the block runs; yields the D-Bus, empty for none."""


class SystemPlaces:
    """Ptys, sockets, a broker and a D-Bus of this machine; what needs files gets them in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: Path | None = folder

    def serial(self, name: str, clock: Clock, received: BytesReceived) -> SerialEnd:
        """Return a pty that will appear as `name` in the folder."""
        return PtyEnd(self.folder / name, clock, received)

    @contextlib.asynccontextmanager
    async def listen(self, name: str, clock: Clock, accept: Accept) -> AsyncIterator[tuple[str, int]]:
        """Listen on a free port of the loopback."""
        async with listen_tcp("127.0.0.1", 0, clock, accept) as port:
            yield "127.0.0.1", port

    def broker(self, port: int = 0) -> contextlib.AbstractAsyncContextManager[Broker]:
        """Run Mosquitto, or the embedded broker where it is not installed."""
        return open_broker(self.folder, port=port)

    async def mqtt(
        self,
        wire: Wire,
        clock: Clock,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        will: Will | None = None,
    ) -> MessageLink:
        """Connect over TCP."""
        from testbed.links.mqtt import open_mqtt

        return await open_mqtt(
            wire, clock, subscriptions=subscriptions, received=received, lost=lost, will=will
        )

    async def datagrams(self, clock: Clock, received: DatagramReceived) -> DatagramEnd:
        """Bind a free UDP port of the loopback."""
        return await UdpEnd(received).open()

    @contextlib.asynccontextmanager
    async def adapter(self, central: Device, clock: Clock) -> AsyncIterator[str]:
        """Be `org.bluez` on a private D-Bus."""
        from .ble.bus import private_bus
        from .ble.facade import be_bluez

        async with private_bus(self.folder) as bus, asyncio.TaskGroup() as tasks:
            up = asyncio.Event()
            facade = tasks.create_task(be_bluez(bus, central, clock, up.set), name="org.bluez")
            await up.wait()
            try:
                yield bus
            finally:
                facade.cancel()


class MemoryPlaces:
    """The same on a switchboard."""

    def __init__(self, board: Switchboard) -> None:
        self.files: Path | None = None
        self._board = board

    def serial(self, name: str, clock: Clock, received: BytesReceived) -> SerialEnd:
        """Return a port at /memory/NAME."""
        return MemoryPort(self._board, f"/memory/{name}", received)

    @contextlib.asynccontextmanager
    async def listen(self, name: str, clock: Clock, accept: Accept) -> AsyncIterator[tuple[str, int]]:
        """Listen on port 1 of a host called like the device."""
        with self._board.listen(name, 1, accept):
            yield name, 1

    @contextlib.asynccontextmanager
    async def broker(self, port: int = 0) -> AsyncIterator[Broker]:
        """Run a broker in memory."""
        host, port = "memory", port or 1 + len(self._board.brokers)
        made = self._board.brokers[host, port] = MemoryBroker(f"{host}:{port}", TRANSIT_NS)
        try:
            yield Broker(host, port, "embedded")
        finally:
            del self._board.brokers[host, port]
            made.stop()

    async def mqtt(
        self,
        wire: Wire,
        clock: Clock,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        will: Will | None = None,
    ) -> MessageLink:
        """Connect in memory."""
        return await self._board.mqtt(
            wire, clock, subscriptions=subscriptions, received=received, lost=lost, tap=no_tap, will=will
        )

    async def datagrams(self, clock: Clock, received: DatagramReceived) -> DatagramEnd:
        """Open an end in memory."""
        return self._board.post.open(clock, received)

    @contextlib.asynccontextmanager
    async def adapter(self, central: Device, clock: Clock) -> AsyncIterator[str]:
        """Hand the adapter itself to the controller."""
        from testbed.links.memory_gatt import MemoryAir

        await central.power_on()
        self._board.air = MemoryAir(central)
        try:
            yield ""
        finally:
            self._board.air = None
