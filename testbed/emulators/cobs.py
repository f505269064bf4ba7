"""Emulated boards that speak what testbed.protocols.cobs defines, each on a pty of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from testbed.clock import Clock, Ticker
from testbed.protocols.cobs import (
    ANSWER,
    FIRST_COMMAND,
    LAST_COMMAND,
    CobsProfile,
    Frame,
    FrameReader,
    Status,
    TelemetryLayout,
    encode_frame,
)
from testbed.protocols.numbers import to_raw_saturated

from .base import EmulatedDevice, EmulatorContext, Ready
from .serial_port import serve_serial


class CobsBoard:
    """One board: sends its telemetry by the clock, obeys commands within their limits."""

    def __init__(self, each: EmulatedDevice, write: Callable[[bytes], None]) -> None:
        self._profile = CobsProfile.of(each.device.profile)
        self._signals = each.device.signals
        self._store = each.store
        self._write = write
        self._reader = FrameReader(self._profile.crc)
        self._commands = {command.kind: command for command in self._profile.commands}
        self._sequences = dict.fromkeys((layout.kind for layout in self._profile.telemetry), 0)

    def start(self, clock: Clock) -> list[Ticker]:
        """Begin to send telemetry; the caller cancels the tickers."""
        return [
            clock.every(layout.period_ns, partial(self._send_telemetry, layout))
            for layout in self._profile.telemetry
        ]

    def received(self, time_ns: int, data: bytes) -> None:
        """Take what the controller sent; damaged frames and telemetry types are dropped in silence."""
        for frame in self._reader.feed(data):
            if isinstance(frame, Frame) and FIRST_COMMAND <= frame.kind <= LAST_COMMAND:
                self._send(Frame(frame.kind | ANSWER, frame.sequence, bytes((self._obey(frame),))))

    def _send_telemetry(self, layout: TelemetryLayout) -> None:
        raws = (to_raw_saturated(kind, self._store.read(name), scale) for name, kind, scale in layout.fields)
        sequence = self._sequences[layout.kind]
        self._sequences[layout.kind] = (sequence + 1) & 0xFF
        self._send(Frame(layout.kind, sequence, layout.layout.pack(*raws)))

    def _obey(self, frame: Frame) -> Status:
        command = self._commands.get(frame.kind)
        if command is None:
            return Status.UNKNOWN
        if len(frame.payload) != command.layout.size:
            return Status.BAD_LENGTH
        value = command.layout.unpack(frame.payload)[0] * command.scale
        low, high = self._signals[command.signal].limits or (-float("inf"), float("inf"))
        # 3 x 0.1 is a little more than 0.3: the nearest raw number to a limit is within it.
        slack = command.scale * 1e-6
        if not low - slack <= value <= high + slack:
            return Status.OUT_OF_RANGE
        self._store.command(command.signal, value)
        return Status.OK

    def _send(self, frame: Frame) -> None:
        self._write(encode_frame(frame, self._profile.crc))


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for all cobs devices until cancelled."""
    await serve_serial(devices, context, ready, CobsBoard)
