"""What opens links, of whatever kind: real wires, wires in memory, a recording."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import AttributeLink, ByteLink, BytesReceived, Lost, MessageLink, MessageReceived, Tap, Will
from .nus import Hold
from .port import PortSettings
from .tls import TlsFiles


class Opener(Protocol):
    """Opens links of the three shapes; raises LinkError with the cause when it cannot."""

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
        """Connect to a device, with TLS if it is to be secured."""

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
        """Connect to a broker and subscribe; what it had retained goes to `retained`, if given."""

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> AttributeLink:
        """Connect to a Bluetooth LE device and discover its services."""

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
