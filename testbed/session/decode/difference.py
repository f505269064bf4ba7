"""Where decoded samples part from the recorded ones, column by column."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.signals import Quality, Sample

from .series import Mask, Numbers, Series

_SILENCE = re.compile(r"offline: |stale: |.*\bno (answer|uplink|telemetry)\b")
"""Reasons that no byte gave. They stand in recordings: add new ones, never take one away.

Outside virtual time, where much happens in one and the same nanosecond, the time tells as much.
"""

_SECRET = re.compile(r"\\\$\\\{\w+\\\}")  # ${NAME}, as re.escape writes it


@dataclass(frozen=True)
class Arrivals:
    """When bytes came from the device, and how many at a time.

    A recording that was cut from a longer one holds samples of bytes that it lacks, and bytes of samples
    that it lacks, at the ends where it was cut.
    """

    times: Numbers
    sizes: Numbers
    cut_before: bool = False
    cut_behind: bool = False

    def near(self, times: Numbers) -> Mask:
        """Return which times are those of bytes; frames of one read may be stamped 1 ns apart."""
        if not len(self.times):
            return np.zeros(len(times), np.bool_)
        before = np.searchsorted(self.times, times, side="right") - 1
        near: Mask = (before >= 0) & (times - self.times[before] <= self.sizes[before])
        return near


@dataclass(frozen=True)
class Difference:
    """The first place where a signal's samples part; one of the two is None where it has no sample."""

    time_ns: int
    recorded: Sample | None
    decoded: Sample | None


@dataclass(frozen=True)
class Comparison:
    """What became of one signal: samples decoded, compared, and recorded for reasons that no bytes gave."""

    decoded: int
    compared: int
    not_from_bytes: int
    first: Difference | None


def compare(signal: int, recorded: Series, decoded: Series, doubtful: Mask, arrivals: Arrivals) -> Comparison:
    """Compare all that the bytes said: times, values bit by bit, qualities and reasons.

    Doubtful samples count only where one was recorded at their time.
    """
    heard = recorded.only(_from_bytes(recorded, arrivals))
    said = decoded.only(~doubtful | np.isin(decoded.times, heard.times))
    if arrivals.cut_before:
        heard, said = _from_common_start(heard, said)
    if arrivals.cut_behind:
        heard, said = _to_common_end(heard, said)
    place = _first_difference(heard, said)
    first = None if place is None else _difference(signal, heard, said, place)
    return Comparison(len(said), len(heard), len(recorded) - len(heard), first)


def _from_bytes(recorded: Series, arrivals: Arrivals) -> Mask:
    wanted: Mask = recorded.qualities != Quality.BAD
    near = arrivals.near(recorded.times)
    for place in np.flatnonzero(~wanted & near).tolist():
        wanted[place] = not _SILENCE.match(recorded.reasons.get(place, ""))
    return wanted


def _from_common_start(recorded: Series, decoded: Series) -> tuple[Series, Series]:
    if not len(recorded):
        return recorded, decoded
    start = max(recorded.times[0], decoded.times[0] if len(decoded) else recorded.times[0] + 1)
    return recorded.only(recorded.times >= start), decoded.only(decoded.times >= start)


def _to_common_end(recorded: Series, decoded: Series) -> tuple[Series, Series]:
    if not len(recorded) or not len(decoded):
        return recorded, decoded
    end = min(recorded.times[-1], decoded.times[-1])
    return recorded.only(recorded.times <= end), decoded.only(decoded.times <= end)


def _first_difference(recorded: Series, decoded: Series) -> int | None:
    shared = min(len(recorded), len(decoded))
    same = (
        (recorded.times[:shared] == decoded.times[:shared])
        & (recorded.qualities[:shared] == decoded.qualities[:shared])
        & _same_values(recorded.values[:shared], decoded.values[:shared])
    )
    for place in recorded.reasons.keys() & decoded.reasons.keys():
        same[place] &= _alike(recorded.reasons[place], decoded.reasons[place])
    parted = np.flatnonzero(~same)
    if len(parted):
        return int(parted[0])
    return shared if len(recorded) != len(decoded) else None


def _same_values(left: NDArray[np.float64], right: NDArray[np.float64]) -> Mask:
    """Return where the very same numbers stand, 0.0 and -0.0 apart, or no number in both."""
    same: Mask = left.view(np.int64) == right.view(np.int64)
    same |= np.isnan(left) & np.isnan(right)
    return same


def _alike(recorded: str, decoded: str) -> bool:
    """Whether two reasons say the same; where the recording hides a secret, anything may stand."""
    decoded = decoded.encode("utf-8", "backslashreplace").decode()
    if recorded == decoded:
        return True
    pattern = _SECRET.sub(r"\\S+", re.escape(recorded))
    return "${" in recorded and re.fullmatch(pattern, decoded, re.DOTALL) is not None


def _difference(signal: int, recorded: Series, decoded: Series, place: int) -> Difference:
    left = recorded.sample(signal, place) if place < len(recorded) else None
    right = decoded.sample(signal, place) if place < len(decoded) else None
    if left is not None and right is not None and left.time_ns != right.time_ns:
        if left.time_ns < right.time_ns:
            right = None
        else:
            left = None
    times = [sample.time_ns for sample in (left, right) if sample is not None]
    return Difference(min(times), left, right)
