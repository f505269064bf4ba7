"""The driver: one serial port, telemetry in, commands out."""

from __future__ import annotations

import asyncio
from functools import partial

from testbed.bench.device import Device
from testbed.clock import Ticker
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.drivers.serial_port import SCHEMES, SerialPort
from testbed.errors import LinkError
from testbed.links import ByteLink, LinkLost
from testbed.protocols.cobs import CobsProfile, Frame, encode_frame
from testbed.signals import Command, Level

from .commands import ANSWER_WITHIN, CommandDesk
from .decoder import CobsDecoder
from .gaps import GapReport
from .stream import DeviceStream
from .telemetry import TelemetryFlow

_FIRST_WITHIN = 4.0  # seconds: two periods of the slowest telemetry that a profile may have


class CobsDriver(Driver):
    """Online from the first valid telemetry frame until the device has been silent."""

    schemes = SCHEMES

    def __init__(self, device: Device, context: DriverContext) -> None:
        super().__init__(device, context)
        profile = CobsProfile.of(device.profile)
        self.lost_frames = 0
        self._port = SerialPort.of(device)
        self._crc = profile.crc
        self._layouts = {device.signals[layout.signal].id: layout for layout in profile.commands}
        self._desk = CommandDesk(device.name, self.clock, self._send)
        self._gaps = GapReport(self.clock, lambda text: self.report(Level.WARNING, "frames-lost", text))
        self._stream = DeviceStream(
            profile,
            device.signals,
            context.publish,
            answered=self._desk.answered,
            missed=self._missed,
            began=self._began,
        )
        self._link: ByteLink | None = None
        self._tickers: list[Ticker] = []
        self._first: asyncio.Future[str] | None = None
        self._ended = ""

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return CobsDecoder(device, publish, doubt)

    @property
    def bad_frames(self) -> int:
        """How many damaged frames came since the port was opened."""
        return self._stream.bad_frames

    @property
    def command_timeout(self) -> float:
        """Seconds within which the device acknowledges a command."""
        return ANSWER_WITHIN

    async def connect(self) -> None:
        """Open the port and wait for the first valid telemetry frame."""
        self._ended = ""
        self._stream.begin()
        self._first = asyncio.get_running_loop().create_future()
        self._link = await self._port.open(self.wires, self._stream.received, self._link_ended)
        try:
            async with asyncio.timeout(_FIRST_WITHIN):
                reason = await self._first
        except TimeoutError:
            raise self._no_telemetry() from None
        if reason:
            raise LinkLost(f"{self.device.name}: {reason} before the first telemetry")
        for flow in self._stream.flows.values():
            self._tickers.append(self.clock.every(flow.check_period_ns, partial(self._check, flow)))

    async def disconnect(self) -> None:
        """Close the port; what is pending fails at once."""
        for ticker in self._tickers:
            ticker.cancel()
        self._tickers.clear()
        self._gaps.cancel()
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self._desk.fail_all(self._ended or "the connection was closed")

    def write(self, command: Command) -> None:
        """Send a command, or queue it behind those in flight; safe-state commands go first."""
        self._desk.submit(command, self._layouts[command.signal])

    def _send(self, frame: Frame) -> None:
        if self._link is None:
            raise LinkLost(f"{self._port.path}: {self._ended or 'the connection was closed'}")
        self._link.write(encode_frame(frame, self._crc))

    def _began(self) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result("")

    def _missed(self, frames: int) -> None:
        self.lost_frames += frames
        self._gaps.add(frames)

    def _check(self, flow: TelemetryFlow) -> None:
        if not flow.check():
            return
        if all(each.silent for each in self._stream.flows.values()):
            self._link_ended(flow.silence)
        else:
            flow.bad(self.clock.now(), flow.silence)

    def _link_ended(self, reason: str) -> None:
        self._ended = reason
        if self._first is not None and not self._first.done():
            self._first.set_result(reason)
        self.link_lost(reason)

    def _no_telemetry(self) -> LinkError:
        heard = f"{self.bad_frames} damaged frames" if self.bad_frames else "nothing that ends like a frame"
        return LinkError(
            f"{self.device.name}: no telemetry within {_FIRST_WITHIN:g} s, but {heard}",
            f"check that the device sends {self._port.settings}, with {self._crc.name}",
        )
