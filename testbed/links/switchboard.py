"""Wires in memory: what one process plugs in at the device's side and opens at the controller's.

A switchboard has the addresses that a machine has: serial ports by path, TCP listeners and brokers by
host and port, one air for Bluetooth. Virtual time runs on it, and drivers cannot tell it from hardware.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import (
    AttributeLink,
    ByteLink,
    BytesReceived,
    LinkLost,
    Lost,
    MessageLink,
    MessageReceived,
    Tap,
    Will,
    no_tap,
)
from .datagrams import MemoryPost
from .memory import MemoryEnd, memory_pair
from .memory_mqtt import MemoryBroker
from .nus import Hold, open_nus
from .port import PortSettings
from .rfc2217 import open_rfc2217
from .tcp import Accept
from .tls import TlsFiles

TRANSIT_NS = 50_000
"""How long bytes are on their way: as on a loopback, and cause stands before effect in every record."""

if TYPE_CHECKING:
    from .memory_gatt import MemoryAir


class MemoryPort:
    """The device's end of a serial line in memory; like `PtyEnd`, but for the name that it appears at."""

    def __init__(self, board: Switchboard, path: str, received: BytesReceived) -> None:
        self.path = path
        self._board = board
        self._received = received
        self._end: MemoryEnd | None = None

    def plug(self) -> None:
        """Make the port appear."""
        self._board.ports[self.path] = self

    def unplug(self) -> None:
        """Make the port vanish; the controller that has it open loses it."""
        self._board.ports.pop(self.path, None)
        end, self._end = self._end, None
        if end is not None:
            end.close()

    def write(self, data: bytes) -> None:
        """Send to the controller; into the void when nobody has the port open, as a UART would."""
        if self._end is not None and self._end.peer is not None:
            self._end.write(data)

    def join(self, end: MemoryEnd) -> None:
        """Put the device at the far end of a line that was opened; raises LinkLost when it is taken."""
        if self._end is not None and self._end.peer is not None:
            raise LinkLost(f"cannot open serial port {self.path}: it is open already")
        end.received = self._received
        self._end = end


class Switchboard:
    """All wires of one process in memory, and the opener for its drivers."""

    def __init__(self) -> None:
        self.ports: dict[str, MemoryPort] = {}
        self.brokers: dict[tuple[str, int], MemoryBroker] = {}
        self.post = MemoryPost(TRANSIT_NS)
        """Through which datagrams pass."""
        self.air: MemoryAir | None = None
        """Through which Bluetooth devices are reached; set by who emulates them."""
        self._listeners: dict[tuple[str, int], Accept] = {}
        self._accepted: dict[tuple[str, int], list[MemoryEnd]] = {}

    @contextlib.contextmanager
    def listen(self, host: str, port: int, accept: Accept) -> Iterator[None]:
        """Accept connections while the block runs."""
        self._listeners[host, port] = accept
        ends = self._accepted[host, port] = []
        try:
            yield
        finally:
            del self._listeners[host, port]
            for end in ends:
                end.close()

    # The controller's side: an Opener -----------------------------------------------------------

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
        """Open a serial port; any baud rate is right."""
        device = self.ports.get(port)
        if device is None:
            raise LinkLost(f"cannot open serial port {port}: No such file or directory")
        near, far = memory_pair(clock, tap, port, TRANSIT_NS)
        device.join(far)
        near.received, near.lost = received, lost
        return near

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
        """Connect to a listener; nobody can listen in on memory, so TLS has nothing to secure."""
        accept = self._listeners.get((host, port))
        if accept is None:
            raise LinkLost(f"cannot connect to {host}:{port}: Connection refused")
        near, far = memory_pair(clock, tap, f"{host}:{port}", TRANSIT_NS)
        near.received, near.lost = received, lost
        far.received, far.lost = accept(far)
        ends = self._accepted[host, port]
        ends[:] = [end for end in ends if end.peer is not None] + [far]
        return near

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
        return await open_rfc2217(
            lambda arrived, gone: self.tcp(host, port, clock, received=arrived, lost=gone, tap=no_tap),
            f"{host}:{port}", clock, received=received, lost=lost, tap=tap, settings=settings,
        )  # fmt: skip

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
        """Connect to a broker in memory."""
        broker = self.brokers.get((wire.host, wire.port or 1883))
        if broker is None:
            raise LinkLost(f"cannot use the MQTT broker at {wire.host}:{wire.port}: Connection refused")
        return broker.connect(clock, subscriptions, received, lost, tap, retained=retained, will=will)

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> AttributeLink:
        """Connect to a Bluetooth LE device on the virtual air."""
        if self.air is None:
            raise LinkLost(f"cannot connect to {wire}: there is no Bluetooth adapter")
        return await self.air.open(wire, clock, lost=lost, tap=tap)

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        return await open_nus(
            lambda gone: self.gatt(wire, clock, lost=gone, tap=no_tap),
            str(wire), clock, received=received, lost=lost, tap=tap, hold=hold,
        )  # fmt: skip
