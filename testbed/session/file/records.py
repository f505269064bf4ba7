"""What a session gives back: frames, cycles, chunks and whole columns."""

from __future__ import annotations

import math
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
    """One cycle of a loop; durations in ns, -1 for what did not happen (see `CycleLog.add`).

    What the controller reckoned (see Terms) is NaN where it reckoned nothing, and in files of version 1.
    """

    time_ns: int
    loop: str
    lateness_ns: int
    age_ns: int
    latency_ns: int
    acknowledged_ns: int
    flags: int
    setpoint: float = math.nan
    measured: float = math.nan
    output: float = math.nan
    p: float = math.nan
    i: float = math.nan
    d: float = math.nan


class TwinState(NamedTuple):
    """What a device's twin had come to: the state of its model, name to number."""

    time_ns: int
    device: str
    values: dict[str, float]


class Chunk(NamedTuple):
    """Samples of one signal that stand together, in the order of their arrival.

    `id` rises with every commit, so the last one seen is all that a forwarder has to remember. Who lags
    more than 10 s behind the recording, or reads on across its end, may get samples again, in a chunk
    that begins before the one that was expected: `first` tells.
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

    def part(self, first: int, n: int) -> Chunk:
        """Return the samples numbered `first` to `first + n` of it; raises ValueError if it has them not."""
        if (first, n) == (self.first, len(self.times)):
            return self
        if first < self.first or first + n > self.first + len(self.times):
            raise ValueError(f"chunk {self.id} holds no samples {first} to {first + n}")
        part = slice(first - self.first, first - self.first + n)
        return Chunk(self.id, self.signal, first, self.times[part], self.values[part], self.qualities[part])

    def last(self) -> Sample:
        """Return the sample that arrived last, without its reason."""
        return Sample(self.signal, self.times[-1], self.values[-1], Quality(self.qualities[-1]))


class Newest(NamedTuple):
    """How many samples a signal has, and the last that arrived (without its reason)."""

    total: int
    sample: Sample
