"""The driver: one serial port, lines in."""

from __future__ import annotations

import asyncio
from functools import partial

from testbed.bench.device import Device
from testbed.clock import Ticker
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.drivers.serial_port import SCHEMES, SerialPort
from testbed.errors import LinkError
from testbed.links import ByteLink, Direction, LinkLost
from testbed.protocols.text import TextProfile
from testbed.signals import Command

from .stream import LineFlow, TextStream

_MARGIN_S = 2.0  # on top of two periods of the slowest line


class TextDriver(Driver):
    """Online from the first good line until the device has been silent; it takes no commands."""

    schemes = SCHEMES

    def __init__(self, device: Device, context: DriverContext) -> None:
        super().__init__(device, context)
        self._port = SerialPort.of(device)
        profile = TextProfile.of(device.profile)
        self._stream = TextStream(profile, device.signals, context.publish, self._began)
        self._patience = _MARGIN_S + 2 * max(layout.period_ns for layout in profile.lines) / 1e9
        self.connect_timeout = self._patience + _MARGIN_S  # type: ignore[misc]  # of this device
        self._link: ByteLink | None = None
        self._tickers: list[Ticker] = []
        self._first: asyncio.Future[str] | None = None

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded bytes of `device` again."""
        return TextDecoder(device, publish, doubt)

    async def connect(self) -> None:
        """Open the port and wait for the first good line."""
        self._stream.begin()
        self._first = asyncio.get_running_loop().create_future()
        self._link = await self._port.open(self.wires, self._stream.received, self._ended)
        try:
            async with asyncio.timeout(self._patience):
                reason = await self._first
        except TimeoutError:
            raise self._nothing_good() from None
        if reason:
            raise LinkLost(f"{self.device.name}: {reason} before the first line")
        for flow in self._stream.flows:
            self._tickers.append(self.clock.every(flow.check_period_ns, partial(self._check, flow)))

    async def disconnect(self) -> None:
        """Close the port."""
        for ticker in self._tickers:
            ticker.cancel()
        self._tickers.clear()
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def write(self, command: Command) -> None:
        """Refuse: nothing can be told to such a device."""
        raise ValueError(f"{self.device.name} takes no commands")

    def _began(self) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result("")

    def _check(self, flow: LineFlow) -> None:
        if not flow.check():
            return
        if all(each.silent for each in self._stream.flows):
            self._ended(flow.silence)
        else:
            flow.bad(self.clock.now(), flow.silence)

    def _ended(self, reason: str) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(reason)
        self.link_lost(reason)

    def _nothing_good(self) -> LinkError:
        bad = self._stream.bad_lines
        heard = f"{bad} lines that cannot be used" if bad else "nothing that ends like a line"
        return LinkError(
            f"{self.device.name}: no line of the profile within {self._patience:g} s, but {heard}",
            f"check that the device sends {self._port.settings}",
        )


class TextDecoder(Decoder):
    """Recorded bytes of a port to samples: every line says by itself what it is."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        self._stream = TextStream(TextProfile.of(device.profile), device.signals, publish)

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was received, or a mark."""
        if direction is Direction.RX:
            self._stream.received(time_ns, data)
        elif direction is Direction.OPEN:
            self._stream.begin()
