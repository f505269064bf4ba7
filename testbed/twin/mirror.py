"""What is known of every signal right now: value, age, quality; and the word when it has gone stale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from testbed.clock import Clock, Ticker
from testbed.signals import Command, Outcome, Quality, Sample, Signal

_STALE_PERIODS = 5
_STALE_FLOOR_NS = 500_000_000  # below this, a busy controller would take itself for a silent device
_CHECK_NS = 50_000_000


class Intent(msgspec.Struct, frozen=True):
    """A value that somebody wanted of a signal, and when they said so."""

    value: float
    time_ns: int
    who: str


class Refusal(msgspec.Struct, frozen=True):
    """Why the last wanted value could not be applied."""

    value: float
    time_ns: int
    reason: str


class Reading:
    """The newest of one signal: its last samples, what was wanted of it, and what came of that."""

    __slots__ = ("confirmed", "desired", "good", "last", "refusal", "signal", "stale_after_ns")

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.last = Sample(signal.id, 0, math.nan, Quality.BAD, "no sample yet")
        self.good: Sample | None = None
        self.desired: Intent | None = None
        """What was asked for last, whatever came of it."""
        self.confirmed: Intent | None = None
        """What the device acknowledged last, at the time of the acknowledgement."""
        self.refusal: Refusal | None = None
        """Why what is desired could not be applied; None once a command was acknowledged again."""
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

    def recall(self, sample: Sample) -> None:
        """Know of a signal what it was before this session: uncertain, until a fresh sample comes."""
        self.readings[sample.signal].last = sample

    def observe(self, sample: Sample) -> None:
        """Follow one sample; on the hot path."""
        reading = self.readings[sample.signal]
        reading.last = sample
        if sample.quality is Quality.GOOD:
            reading.good = sample

    def asked(self, command: Command) -> None:
        """Note what somebody wants."""
        reading = self.readings[command.signal]
        reading.desired = Intent(command.wanted, command.time_ns, command.requester)

    def settled(self, command: Command) -> None:
        """Note what came of a command."""
        reading = self.readings[command.signal]
        if command.outcome is Outcome.ACKNOWLEDGED:
            reading.confirmed = Intent(command.value, command.done_ns, command.requester)
            reading.refusal = None
        elif command.outcome is not Outcome.SUPERSEDED:
            reading.refusal = Refusal(
                command.wanted, command.done_ns, command.reason or command.outcome.value
            )

    def value(self, signal: Signal) -> float:
        """Return the value of a signal as of now, NaN unless its last sample is good."""
        last = self.readings[signal.id].last
        return last.value if last.quality is Quality.GOOD else math.nan

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
