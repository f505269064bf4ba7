"""What is known of every signal right now: value, age, quality; and the word when it has gone stale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from testbed.clock import Clock, Ticker
from testbed.signals import Quality, Sample, Signal

_STALE_PERIODS = 5
_STALE_FLOOR_NS = 500_000_000  # below this, a busy controller would take itself for a silent device
_CHECK_NS = 50_000_000


class Reading:
    """The newest of one signal: its last sample, and the last good one."""

    __slots__ = ("good", "last", "signal", "stale_after_ns")

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.last = Sample(signal.id, 0, math.nan, Quality.BAD, "no sample yet")
        self.good: Sample | None = None
        period = signal.period_ns
        self.stale_after_ns = max(period * _STALE_PERIODS, _STALE_FLOOR_NS) if period else 0
        """Silence after which the signal is stale; 0 when its source promises no rate."""

    @property
    def good_value(self) -> float:
        """The last good value, NaN before the first."""
        return math.nan if self.good is None else self.good.value


class Mirror:
    """The mirroring twins of a bench, one reading a signal.

    A signal whose source promised a rate and has been silent for five periods gets one bad sample
    that says so; the next good sample makes it good again.
    """

    def __init__(self, signals: Iterable[Signal], clock: Clock, publish: Callable[[Sample], None]) -> None:
        self.readings = [Reading(signal) for signal in signals]
        self._clock = clock
        self._publish = publish
        self._timed = [reading for reading in self.readings if reading.stale_after_ns]
        self._ticker: Ticker | None = None

    def observe(self, sample: Sample) -> None:
        """Follow one sample; on the hot path."""
        reading = self.readings[sample.signal]
        reading.last = sample
        if sample.quality is Quality.GOOD:
            reading.good = sample

    def start(self) -> None:
        """Begin to watch for silence."""
        self._ticker = self._clock.every(_CHECK_NS, self._check)

    def stop(self) -> None:
        """Stop watching."""
        if self._ticker is not None:
            self._ticker.cancel()

    def _check(self) -> None:
        now = self._clock.now()
        assert self._ticker is not None  # noqa: S101  (we are its callback)
        if now - self._ticker.due_ns > _CHECK_NS:
            return  # we ourselves were held up: let what has arrived meanwhile be read first
        for reading in self._timed:
            if reading.last.quality is Quality.GOOD and now - reading.last.time_ns > reading.stale_after_ns:
                self._publish(_stale(reading, now))


def _stale(reading: Reading, now: int) -> Sample:
    silence, period = (now - reading.last.time_ns) / 1e9, reading.signal.period_ns / 1e9
    reason = f"stale: no sample for {silence:.2g} s, one each {period:g} s promised"
    return Sample(reading.signal.id, now, reading.last.value, Quality.BAD, reason)
