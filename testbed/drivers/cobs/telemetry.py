"""One type of telemetry frame: what its fields publish, and whether it still flows."""

from __future__ import annotations

import math

from testbed.clock import NS
from testbed.drivers.decoder import Publish
from testbed.protocols.cobs import Frame, TelemetryLayout
from testbed.signals import Quality, Sample, Signal

_SILENT_PERIODS = 10
_SILENT_FLOOR_NS = NS
"""Ten periods without a frame are a loss, but never less than a second: at 100 Hz, a tenth of a second
is what a busy USB hub or host takes now and then, and reconnecting takes longer than waiting."""

_CHECKS = 2  # idle checks that make a silence


class TelemetryFlow:
    """Publishes each frame's fields; counts gaps in its sequence and checks without a frame."""

    def __init__(self, layout: TelemetryLayout, signals: dict[str, Signal], publish: Publish) -> None:
        patience_ns = max(layout.period_ns * _SILENT_PERIODS, _SILENT_FLOOR_NS)
        self.check_period_ns = patience_ns // _CHECKS
        self.silence = f"no telemetry 0x{layout.kind:02X} for {patience_ns / NS:g} s"
        self.kind = layout.kind
        self._publish = publish
        self._unpack_from = layout.layout.unpack_from
        self._size = layout.layout.size
        self._targets = [(signals[name].id, scale) for name, _, scale in layout.fields]
        self.forget()

    def forget(self) -> None:
        """Begin anew: what came before a loss says nothing about what comes after it."""
        self.silent = False
        self._next_sequence = -1
        self._arrived = True
        self._idle_checks = 0

    def frame(self, frame: Frame, time_ns: int) -> int:
        """Publish a frame's fields as of `time_ns`; returns how many frames are missing before it."""
        self._arrived = True
        self.silent = False
        missing = (frame.sequence - self._next_sequence) & 0xFF if self._next_sequence >= 0 else 0
        self._next_sequence = (frame.sequence + 1) & 0xFF
        if len(frame.payload) < self._size:
            size = len(frame.payload)
            self.bad(time_ns, f"telemetry 0x{self.kind:02X} has {size} bytes, expected {self._size}")
            return missing
        publish = self._publish
        for (signal, scale), raw in zip(self._targets, self._unpack_from(frame.payload), strict=True):
            value = raw * scale
            if math.isfinite(value):
                publish(Sample(signal, time_ns, value))
            else:
                publish(Sample(signal, time_ns, math.nan, Quality.BAD, f"the device sent {value}"))
        return missing

    def bad(self, time_ns: int, reason: str) -> None:
        """Publish that none of the fields has a value, and why."""
        for signal, _ in self._targets:
            self._publish(Sample(signal, time_ns, math.nan, Quality.BAD, reason))

    def check(self) -> bool:
        """Return whether it has just fallen silent; to be called every `check_period_ns`.

        Idle checks are counted and not time: a stall of ours skips checks, and what came meanwhile
        is read before the next one.
        """
        if self._arrived:
            self._arrived = False
            self._idle_checks = 0
            return False
        self._idle_checks += 1
        if self._idle_checks < _CHECKS or self.silent:
            return False
        self.silent = True
        return True
