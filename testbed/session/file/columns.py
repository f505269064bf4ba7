"""Where a session gathers in memory between two commits: columns that are handed over whole.

Adding is a few appends to C arrays, in the event loop. `take` gives a column's content away and goes
on with empty arrays, so the writer thread never shares one with the loop and needs no lock.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from testbed.links import Direction
from testbed.signals import Quality, Sample


class Reason(NamedTuple):
    """From sample number `first` of a signal on, this quality and reason hold."""

    signal: int
    first: int
    time_ns: int
    quality: int
    reason: str


class SampleChunk(NamedTuple):
    """Samples of one signal, in the order of their arrival."""

    signal: int
    first: int
    times: array[int]
    values: array[float]
    qualities: bytearray
    reasons: list[Reason]


class SampleColumn:
    """Gathers the samples of one signal."""

    __slots__ = ("_first", "_quality", "_reason", "_reasons", "_signal", "qualities", "times", "values")

    def __init__(self, signal: int) -> None:
        self._signal = signal
        self._first = 0
        self._quality = Quality.GOOD
        self._reason = ""
        self._empty()

    def _empty(self) -> None:
        self.times: array[int] = array("q")
        self.values: array[float] = array("d")
        self.qualities = bytearray()
        self._reasons: list[Reason] = []

    def add(self, sample: Sample) -> None:
        """Append a sample."""
        quality = sample.quality
        # The value goes first: if a driver made it no number, nothing is appended and no column shifts.
        self.values.append(sample.value)
        self.times.append(sample.time_ns)
        self.qualities.append(quality)
        if quality != self._quality or sample.reason != self._reason:
            self._turn(sample)

    def _turn(self, sample: Sample) -> None:
        self._quality, self._reason = sample.quality, sample.reason
        first = self._first + len(self.qualities) - 1
        self._reasons.append(Reason(self._signal, first, sample.time_ns, sample.quality, sample.reason))

    def take(self) -> SampleChunk | None:
        """Give away what has gathered, or None."""
        if not self.qualities:
            return None
        chunk = SampleChunk(self._signal, self._first, self.times, self.values, self.qualities, self._reasons)
        self._first += len(self.qualities)
        self._empty()
        return chunk


class FrameChunk(NamedTuple):
    """Frames of one device, in the order in which they passed, their bytes end to end."""

    device: str
    times: array[int]
    directions: bytearray
    lengths: array[int]
    data: bytearray


class FrameColumn:
    """Gathers the frames of one device; `add` is its tap."""

    __slots__ = ("_data", "_device", "_directions", "_lengths", "_times", "closed")

    def __init__(self, device: str) -> None:
        self.closed = False
        self._device = device
        self._empty()

    def _empty(self) -> None:
        self._times: array[int] = array("q")
        self._directions = bytearray()
        self._lengths: array[int] = array("I")
        self._data = bytearray()

    def add(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Append a frame; does nothing once `closed`."""
        if self.closed:
            return
        self._lengths.append(len(data))
        self._data += data
        self._times.append(time_ns)
        self._directions.append(direction)

    def take(self) -> FrameChunk | None:
        """Give away what has gathered, or None."""
        if not self._directions:
            return None
        chunk = FrameChunk(self._device, self._times, self._directions, self._lengths, self._data)
        self._empty()
        return chunk


class CycleChunk(NamedTuple):
    """Cycles of one loop; see `CycleLog.add` for the columns."""

    loop: str
    times: array[int]
    lateness: array[int]
    age: array[int]
    latency: array[int]
    acknowledged: array[int]
    flags: bytearray


OVERRUN = 1
"""Flag of a cycle that was not done when the next one was due."""

ACTED_SAFE = 2
"""Flag of a cycle that commanded the safe value in place of the controller's."""


class CycleLog:
    """Gathers the timing of one loop's cycles."""

    __slots__ = ("_acknowledged", "_age", "_flags", "_latency", "_lateness", "_loop", "_times", "closed")

    def __init__(self, loop: str) -> None:
        self.closed = False
        self._loop = loop
        self._empty()

    def _empty(self) -> None:
        self._times: array[int] = array("q")
        self._lateness: array[int] = array("q")
        self._age: array[int] = array("q")
        self._latency: array[int] = array("q")
        self._acknowledged: array[int] = array("q")
        self._flags = bytearray()

    def add(
        self, time_ns: int, lateness_ns: int, age_ns: int, latency_ns: int, acknowledged_ns: int, flags: int
    ) -> None:
        """Append a cycle that started at `time_ns`; all durations in ns, -1 for what did not happen.

        `lateness_ns`: start of the cycle after its due time. `age_ns`: of the sample at the start.
        `latency_ns`: arrival of the sample to the command written. `acknowledged_ns`: arrival of the
        sample to the command acknowledged. `flags`: OVERRUN, ACTED_SAFE. Does nothing once `closed`.
        """
        if self.closed:
            return
        self._times.append(time_ns)
        self._lateness.append(lateness_ns)
        self._age.append(age_ns)
        self._latency.append(latency_ns)
        self._acknowledged.append(acknowledged_ns)
        self._flags.append(flags)

    def take(self) -> CycleChunk | None:
        """Give away what has gathered, or None."""
        if not self._flags:
            return None
        chunk = CycleChunk(
            self._loop, self._times, self._lateness, self._age, self._latency, self._acknowledged, self._flags
        )
        self._empty()
        return chunk
