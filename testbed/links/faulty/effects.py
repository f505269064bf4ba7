"""What each fault at the wire does to what passes: one parcel in, none or some out, each with its time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from testbed.links.base import Direction

HELD = 1 << 62
"""The time of a parcel that waits until its fault is over."""

_KEPT = 16  # answers that a wrong one is drawn from


class Parcel(NamedTuple):
    """Bytes, or a payload, on their way: they arrive at `due_ns`, if `ordered` not before earlier ones."""

    due_ns: int
    data: bytes
    ordered: bool = True


class Passing(NamedTuple):
    """What an effect may ask: which way it goes, since when the fault lasts, chance, what it was told."""

    direction: Direction
    since_ns: int
    chance: random.Random
    told: Mapping[str, float | str]
    past: deque[bytes]
    """What the device sent since the fault began, the newest last."""

    def number(self, name: str) -> float:
        """Return what the fault was told."""
        return float(self.told[name])

    @property
    def hit(self) -> bool:
        """Draw whether this parcel is one of the share that is hit."""
        return self.chance.random() < self.number("share")


Effect = Callable[[Parcel, Passing], Iterator[Parcel]]


def _later(parcel: Parcel, seconds: float, *, ordered: bool = True) -> Parcel:
    return Parcel(parcel.due_ns + round(seconds * 1e9), parcel.data, ordered)


def _delay(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield _later(parcel, passing.number("by"))


def _jitter(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield _later(parcel, passing.chance.uniform(0.0, passing.number("upto")))


def _drop(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if not passing.hit:
        yield parcel


def _duplicate(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield parcel
    if passing.hit:
        yield parcel


def _reorder(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield _later(parcel, passing.number("by"), ordered=False) if passing.hit else parcel


def _corrupt(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if not (parcel.data and passing.hit):
        yield parcel
        return
    data = bytearray(parcel.data)
    bit = passing.chance.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    yield parcel._replace(data=bytes(data))


def _truncate(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if not (parcel.data and passing.hit):
        yield parcel
        return
    left = parcel.data[: passing.chance.randrange(len(parcel.data))]
    if left:
        yield parcel._replace(data=left)


def _split(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if len(parcel.data) < 2:
        yield parcel
        return
    at = passing.chance.randrange(1, len(parcel.data))
    yield parcel._replace(data=parcel.data[:at])
    yield _later(parcel._replace(data=parcel.data[at:]), passing.number("gap"))


def _stall(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield parcel._replace(due_ns=HELD)


def _nothing(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    yield from ()


def _wrong_answer(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if passing.direction is Direction.TX:
        yield parcel
        return
    others = [data for data in passing.past if data != parcel.data]
    passing.past.append(parcel.data)
    yield parcel._replace(data=passing.chance.choice(others)) if others and passing.hit else parcel


def _stale_answer(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    if passing.direction is Direction.TX:
        yield parcel
        return
    before = passing.past[-1] if passing.past else parcel.data
    passing.past.append(parcel.data)
    yield parcel._replace(data=before) if passing.hit else parcel


def _clock_drift(parcel: Parcel, passing: Passing) -> Iterator[Parcel]:
    behind = (parcel.due_ns - passing.since_ns) / 1e9 * passing.number("rate")
    yield parcel if passing.direction is Direction.TX else _later(parcel, behind)


EFFECTS: Mapping[str, Effect] = {
    "delay": _delay,
    "jitter": _jitter,
    "drop": _drop,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "corrupt": _corrupt,
    "truncate": _truncate,
    "split": _split,
    "stall": _stall,
    "half-open": _nothing,
    "disconnect": _nothing,
    "wrong-answer": _wrong_answer,
    "stale-answer": _stale_answer,
    "clock-drift": _clock_drift,
}
"""By name of the catalogue (see testbed/bench/faults.py: WIRE)."""


def past() -> deque[bytes]:
    """Return an empty memory of what a device sent."""
    return deque(maxlen=_KEPT)
