"""What a session gives back: frames, cycles, chunks and whole columns."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from testbed.links import Direction
from testbed.signals import Quality, Sample


class Frame(NamedTuple):
    """The very bytes (or encoded message) that passed on a device's wire at a time."""

    time_ns: int
    device: str
    direction: Direction
    data: bytes


class Cycle(NamedTuple):
    """One cycle of a loop; durations in ns, -1 for what did not happen (see `CycleLog.add`)."""

    time_ns: int
    loop: str
    lateness_ns: int
    age_ns: int
    latency_ns: int
    acknowledged_ns: int
    flags: int


class Chunk(NamedTuple):
    """Samples of one signal committed together, in the order of their arrival.

    `id` rises with every commit, so the last one seen is all that a forwarder has to remember.
    """

    id: int
    signal: int
    first: int
    times: array[int]
    values: array[float]
    qualities: bytes

    def rows(self) -> zip[tuple[int, int, int, float, int]]:
        """Return (time, signal, number of the sample, value, quality) rows; they sort by time."""
        count = len(self.times)
        numbers = range(self.first, self.first + count)
        return zip(self.times, [self.signal] * count, numbers, self.values, self.qualities, strict=True)

    def last(self) -> Sample:
        """Return the sample that arrived last, without its reason."""
        return Sample(self.signal, self.times[-1], self.values[-1], Quality(self.qualities[-1]))


class Newest(NamedTuple):
    """How many samples a signal has, and the last that arrived (without its reason)."""

    total: int
    sample: Sample
