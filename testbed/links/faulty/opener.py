"""Opens links with faults in them: what a driver sends and hears goes through its device's faulty wire."""

from __future__ import annotations

from collections.abc import Iterable

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links.base import (
    AttributeLink,
    ByteLink,
    BytesReceived,
    LinkLost,
    Lost,
    MessageLink,
    MessageReceived,
    Tap,
    Will,
)
from testbed.links.nus import Hold
from testbed.links.opener import Opener
from testbed.links.port import PortSettings
from testbed.links.tls import TlsFiles

from .attributes import FaultyAttributes
from .messages import FaultyMessages
from .stream import FaultyStream
from .wire import FaultyWire


class FaultyOpener:
    """An opener whose links pass through a wire that may be broken; as long as it is not, as they are."""

    def __init__(self, inner: Opener, wire: FaultyWire) -> None:
        self._inner = inner
        self._wire = wire

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
        """Open a serial port."""
        self._check()
        link = FaultyStream(self._wire, clock, received, lost, tap)
        return link.over(
            self._inner.serial(
                port, clock, received=link.arrived, lost=link.lost, tap=link.tapped, settings=settings,
            )
        )  # fmt: skip

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
        """Connect to a device."""
        self._check()
        link = FaultyStream(self._wire, clock, received, lost, tap)
        return link.over(
            await self._inner.tcp(
                host, port, clock, received=link.arrived, lost=link.lost, tap=link.tapped, tls=tls
            )
        )

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
        self._check()
        link = FaultyStream(self._wire, clock, received, lost, tap)
        return link.over(
            await self._inner.rfc2217(
                host, port, clock, received=link.arrived, lost=link.lost, tap=link.tapped, settings=settings
            )
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
        self._check()
        link = FaultyMessages(self._wire, clock, received, lost, tap, retained)
        return link.over(
            await self._inner.mqtt(
                wire, clock, subscriptions=subscriptions, received=link.arrived, lost=link.lost,
                tap=link.tapped, retained=link.arrived_retained, will=will,
            )
        )  # fmt: skip

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        self._check()
        link = FaultyStream(self._wire, clock, received, lost, tap)
        return link.over(
            await self._inner.nus(
                wire, clock, received=link.arrived, lost=link.lost, tap=link.tapped, hold=hold
            )
        )

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> AttributeLink:
        """Connect to a Bluetooth LE device and discover its services."""
        self._check()
        link = FaultyAttributes(self._wire, clock, lost, tap)
        return link.over(await self._inner.gatt(wire, clock, lost=link.lost, tap=link.tapped))

    def _check(self) -> None:
        if self._wire.cut:
            raise LinkLost(f"the wire of {self._wire.name} is disconnected on purpose")
