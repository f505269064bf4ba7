"""Where a session gathers in memory between two commits: columns that are handed over whole.

Adding is an append or a few, in the event loop. `take` gives a column's content away and goes on empty,
so the writer thread never shares one with the loop and needs no lock.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

from testbed.control.terms import NO_TERMS, Terms
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
    first: int
    times: array[int]
    directions: bytearray
    lengths: array[int]
    data: bytes


class FrameColumn:
    """Gathers the frames of one device; `add` is its tap."""

    __slots__ = ("_device", "_first", "_frames", "closed")

    def __init__(self, device: str) -> None:
        self.closed = False
        self._device = device
        self._first = 0
        self._frames: list[tuple[int, Direction, bytes]] = []

    def add(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Append a frame; does nothing once `closed`."""
        if not self.closed:
            self._frames.append((time_ns, direction, data))

    def take(self) -> FrameChunk | None:
        """Give away what has gathered, or None."""
        if not self._frames:
            return None
        frames, self._frames = self._frames, []
        first, self._first = self._first, self._first + len(frames)
        times, directions, data = zip(*frames, strict=True)
        lengths = array("I", map(len, data))
        return FrameChunk(
            self._device, first, array("q", times), bytearray(directions), lengths, b"".join(data)
        )


class CycleChunk(NamedTuple):
    """Cycles of one loop; `durations` and `terms` are columns in the order of `CycleLog.add` and Terms."""

    loop: str
    first: int
    times: array[int]
    durations: tuple[array[int], ...]
    flags: bytearray
    terms: tuple[array[float], ...]


class CycleLog:
    """Gathers the cycles of one loop: their timing, and what the controller reckoned."""

    __slots__ = ("_cycles", "_first", "_loop", "closed")

    def __init__(self, loop: str) -> None:
        self.closed = False
        self._first = 0
        self._loop = loop
        self._cycles: list[tuple[int, int, int, int, int, int, Terms]] = []

    def add(
        self,
        time_ns: int,
        lateness_ns: int,
        age_ns: int,
        latency_ns: int,
        acknowledged_ns: int,
        flags: int,
        terms: Terms = NO_TERMS,
    ) -> None:
        """Append a cycle that started at `time_ns`; all durations in ns, -1 for what did not happen.

        `lateness_ns`: start of the cycle after its due time. `age_ns`: of the sample at the start.
        `latency_ns`: arrival of the sample to the command written. `acknowledged_ns`: arrival of the
        sample to the command acknowledged. `flags`: OVERRUN, ACTED_SAFE. Does nothing once `closed`.
        """
        if not self.closed:
            self._cycles.append((time_ns, lateness_ns, age_ns, latency_ns, acknowledged_ns, flags, terms))

    def take(self) -> CycleChunk | None:
        """Give away what has gathered, or None."""
        if not self._cycles:
            return None
        cycles, self._cycles = self._cycles, []
        first, self._first = self._first, self._first + len(cycles)
        *timing, flags, terms = zip(*cycles, strict=True)
        times, *durations = (array("q", column) for column in timing)
        numbers = tuple(array("d", column) for column in zip(*terms, strict=True))
        return CycleChunk(self._loop, first, times, tuple(durations), bytearray(flags), numbers)


def join_samples(chunks: list[SampleChunk]) -> SampleChunk:
    """Return chunks of one signal that follow each other as one; their reasons have been recorded."""
    signal, first, *_ = chunks[0]
    times, values, qualities = (_joined(column) for column in list(zip(*chunks, strict=True))[2:5])
    return SampleChunk(signal, first, times, values, qualities, [])


def join_frames(chunks: list[FrameChunk]) -> FrameChunk:
    """Return chunks of one device that follow each other as one."""
    device, first, *_ = chunks[0]
    times, directions, lengths = (_joined(column) for column in list(zip(*chunks, strict=True))[2:5])
    return FrameChunk(device, first, times, directions, lengths, b"".join(chunk.data for chunk in chunks))


def join_cycles(chunks: list[CycleChunk]) -> CycleChunk:
    """Return chunks of one loop that follow each other as one."""
    loop, first, *_ = chunks[0]
    return CycleChunk(
        loop,
        first,
        _joined(chunk.times for chunk in chunks),
        tuple(map(_joined, zip(*(chunk.durations for chunk in chunks), strict=True))),
        _joined(chunk.flags for chunk in chunks),
        tuple(map(_joined, zip(*(chunk.terms for chunk in chunks), strict=True))),
    )


def _joined(columns: Iterable[Any]) -> Any:
    first, *rest = columns
    whole = first[:]
    for column in rest:
        whole += column
    return whole
