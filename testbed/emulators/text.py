"""Devices that send lines of text by the clock, on serial ports of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from testbed.clock import Clock, Ticker
from testbed.protocols.text import TextProfile, encode_line
from testbed.protocols.text.address import LineLayout

from .base import EmulatedDevice, EmulatorContext, Ready
from .serial_port import serve_serial


class Talker:
    """One device: sends each kind of line at its rate, and hears nothing."""

    def __init__(self, each: EmulatedDevice, write: Callable[[bytes], None]) -> None:
        self._profile = TextProfile.of(each.device.profile)
        self._store = each.store
        self._write = write

    def start(self, clock: Clock) -> list[Ticker]:
        """Begin to send; the caller cancels the tickers."""
        return [clock.every(line.period_ns, partial(self._send, line)) for line in self._profile.lines]

    def received(self, time_ns: int, data: bytes) -> None:
        """Pass over what the controller sent."""

    def _send(self, line: LineLayout) -> None:
        fields = line.compose(self._store.read)
        self._write(encode_line(fields, self._profile.separator, self._profile.checksum))


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for all text devices until cancelled."""
    await serve_serial(devices, context, ready, Talker)
