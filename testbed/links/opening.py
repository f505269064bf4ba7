"""Where a driver gets its links from: real wires here, wires in memory or a recording elsewhere.

A driver asks its `Wires` and cannot tell what is behind them. Whatever is opened there is tapped, and
the tap hears too (as marks) when a link was opened, lost or refused, so that a replay can do the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.errors import LinkError

from .base import (
    AttributeLink,
    ByteLink,
    BytesReceived,
    Direction,
    Lost,
    MessageLink,
    MessageReceived,
    Tap,
    Will,
    no_tap,
)
from .nus import Hold, open_nus
from .opener import Opener
from .port import PortSettings
from .rfc2217 import open_rfc2217
from .serial import open_serial
from .tcp import open_tcp
from .tls import TlsFiles, open_tls


class SystemOpener:
    """Opens the wires that this machine has."""

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
        return open_serial(port, clock, received=received, lost=lost, tap=tap, settings=settings)

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
        if tls is None:
            return await open_tcp(host, port, clock, received=received, lost=lost, tap=tap)
        return await open_tls(
            lambda arrived, gone: open_tcp(host, port, clock, received=arrived, lost=gone),
            host, f"{host}:{port}", clock, tls, received=received, lost=lost, tap=tap,
        )  # fmt: skip

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
        """Connect to a broker and subscribe."""
        from .mqtt import open_mqtt  # only benches that use them pay for loading aiomqtt and bleak

        return await open_mqtt(
            wire, clock, subscriptions=subscriptions, received=received, lost=lost, tap=tap,
            retained=retained, will=will,
        )  # fmt: skip

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> AttributeLink:
        """Connect to a Bluetooth LE device and discover its services."""
        from .gatt import open_gatt

        return await open_gatt(wire, clock, lost=lost, tap=tap)

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        return await open_nus(
            lambda gone: self.gatt(wire, clock, lost=gone, tap=no_tap),
            str(wire), clock, received=received, lost=lost, tap=tap, hold=hold,
        )  # fmt: skip


class Wires:
    """What one device's driver opens its links with; see `Opener` for what each does."""

    def __init__(
        self, opener: Opener, clock: Clock, tap: Tap, redacted: Callable[[str], str] = lambda text: text
    ) -> None:
        """Open with `opener`; `redacted` takes the wire's secrets out of what the tap hears of a loss."""
        self._redacted = redacted
        self._opener = opener
        self._clock = clock
        self._record = tap
        self._marked = False
        self._closing: set[asyncio.Task[None]] = set()
        self.opened_ns = 0
        """When the present link was opened, as its mark says."""

    def serial(
        self,
        port: str,
        *,
        received: BytesReceived,
        lost: Lost,
        baud: int = 115200,
        parity: str = "N",
        stop_bits: float = 1.0,
        dtr: bool | None = None,
        rts: bool | None = None,
    ) -> ByteLink:
        """Open a serial port, 8 data bits; see `PortSettings`."""
        settings = PortSettings(baud, parity, stop_bits, dtr, rts)
        with self._opening():
            link = self._opener.serial(
                port, self._clock, received=received, lost=self._losing(lost), tap=self._tap,
                settings=settings,
            )  # fmt: skip
            self._opened()
        return link

    async def tcp(
        self,
        host: str,
        port: int,
        *,
        received: BytesReceived,
        lost: Lost,
        tls: TlsFiles | None = None,
    ) -> ByteLink:
        """Connect to a device, with TLS if it is to be secured."""
        with self._opening():
            link = await self._opener.tcp(
                host, port, self._clock, received=received, lost=self._losing(lost), tap=self._tap, tls=tls
            )
            self._opened()
        return link

    async def rfc2217(
        self, host: str, port: int, *, received: BytesReceived, lost: Lost, settings: PortSettings
    ) -> ByteLink:
        """Open a serial port at an access server."""
        with self._opening():
            link = await self._opener.rfc2217(
                host, port, self._clock, received=received, lost=self._losing(lost), tap=self._tap,
                settings=settings,
            )  # fmt: skip
            self._opened()
        return link

    async def mqtt(
        self,
        wire: Wire,
        *,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        retained: MessageReceived | None = None,
        will: Will | None = None,
    ) -> MessageLink:
        """Connect to a broker and subscribe.

        What the broker had retained goes to `retained`, if given; `will` is what it publishes when we vanish.
        """
        with self._opening():
            link = await self._opener.mqtt(
                wire, self._clock, subscriptions=subscriptions, received=received,
                lost=self._losing(lost), tap=self._tap, retained=retained, will=will,
            )  # fmt: skip
            self._opened()
        return link

    async def gatt(self, wire: BleWire, *, lost: Lost) -> AttributeLink:
        """Connect to a Bluetooth LE device and discover its services."""
        with self._opening():
            link = await self._opener.gatt(wire, self._clock, lost=self._losing(lost), tap=self._tap)
            self._opened(link.table.encode())
        return link

    async def nus(self, wire: BleWire, *, received: BytesReceived, lost: Lost) -> ByteLink:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        with self._opening():
            link = await self._opener.nus(
                wire, self._clock, received=received, lost=self._losing(lost), tap=self._tap, hold=self._hold
            )
            self._opened()
        return link

    async def closed(self) -> None:
        """Return when links are disconnected that take their time for it."""
        while self._closing:
            await asyncio.wait(self._closing)

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Marks --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        self._marked = False
        try:
            yield
        except LinkError as error:
            self._mark(Direction.LOST, self._redacted(str(error)).encode())
            raise

    def _opened(self, table: bytes = b"") -> None:
        if not self._marked:
            self._marked = True
            self.opened_ns = self._mark(Direction.OPEN, table)

    def _tap(self, time_ns: int, direction: Direction, data: bytes) -> None:
        if not self._marked:  # a broker may send before it has answered the subscription
            self._opened()
        self._record(time_ns, direction, data)

    def _losing(self, lost: Lost) -> Lost:
        def marked(reason: str) -> None:
            self._mark(Direction.LOST, self._redacted(reason).encode())
            lost(reason)

        return marked

    def _mark(self, direction: Direction, data: bytes) -> int:
        time_ns = self._clock.now()
        self._record(time_ns, direction, data)
        return time_ns
