"""Samples of one signal as columns: those that were recorded, and those that were decoded again."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.session.file import SessionReader
from testbed.signals import Quality, Sample

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """In time order, samples of one time as they arrived; `reasons` by position, of those not good."""

    times: Numbers
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    reasons: dict[int, str]

    def __len__(self) -> int:
        return len(self.times)

    def only(self, wanted: Mask) -> Series:
        """Return the samples that `wanted` marks."""
        if wanted.all():
            return self
        kept = np.flatnonzero(wanted)
        reasons = {i: self.reasons[old] for i, old in enumerate(kept.tolist()) if old in self.reasons}
        return Series(self.times[kept], self.values[kept], self.qualities[kept], reasons)

    def sample(self, signal: int, position: int) -> Sample:
        """Return one sample."""
        return Sample(
            signal,
            int(self.times[position]),
            float(self.values[position]),
            Quality(int(self.qualities[position])),
            self.reasons.get(position, ""),
        )


def recorded_series(session: SessionReader, signal: int) -> Series:
    """Return all samples of a signal of the session."""
    times, values, qualities = session.series(signal)
    reasons: dict[int, str] = {}
    if any(qualities):
        reasons = {i: each.reason for i, each in enumerate(session.samples([signal])) if each.quality}
    return _series(_time_order(times), times, values, qualities, reasons)


class Column:
    """Gathers the decoded samples of one signal; `doubtful` marks those the driver may have ignored."""

    __slots__ = ("_doubtful", "_qualities", "_reasons", "_times", "_values")

    def __init__(self) -> None:
        self._times: array[int] = array("q")
        self._values: array[float] = array("d")
        self._qualities = bytearray()
        self._doubtful: list[int] = []
        self._reasons: dict[int, str] = {}

    def add(self, sample: Sample) -> None:
        """Append a sample."""
        if sample.quality:
            self._reasons[len(self._times)] = sample.reason
        self._times.append(sample.time_ns)
        self._values.append(sample.value)
        self._qualities.append(sample.quality)

    def doubt(self, sample: Sample) -> None:
        """Append a sample that the driver may have ignored."""
        self._doubtful.append(len(self._times))
        self.add(sample)

    def samples(self, signal: int) -> Iterator[Sample]:
        """Yield all samples in the order of their frames."""
        for position, columns in enumerate(zip(self._times, self._values, self._qualities, strict=True)):
            time_ns, value, quality = columns
            yield Sample(signal, time_ns, value, Quality(quality), self._reasons.get(position, ""))

    def series(self) -> tuple[Series, Mask]:
        """Return all samples, and which are doubtful."""
        order = _time_order(self._times)
        place = np.argsort(order)
        reasons = {int(place[old]): text for old, text in self._reasons.items()}
        doubtful = np.zeros(len(order), np.bool_)
        doubtful[place[self._doubtful]] = True
        return _series(order, self._times, self._values, self._qualities, reasons), doubtful


def _time_order(times: array[int]) -> Numbers:
    return np.argsort(np.frombuffer(times, np.int64), kind="stable")


def _series(
    order: Numbers,
    times: array[int],
    values: array[float],
    qualities: bytes | bytearray,
    reasons: dict[int, str],
) -> Series:
    return Series(
        np.frombuffer(times, np.int64)[order],
        np.frombuffer(values, np.float64)[order],
        np.frombuffer(qualities, np.uint8)[order],
        reasons,
    )
