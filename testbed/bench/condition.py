"""Conditions over signals, and whether they hold; condition_text.py reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from testbed.signals import Signal

Read = Callable[[Signal], float]
"""Gives the value of a signal as of now; NaN when it is not known, or not good."""


@dataclass(frozen=True)
class Within:
    """A signal is within `low` to `high`, in its unit; the bounds belong to it only where it is `closed`."""

    signal: Signal
    low: float
    high: float
    closed: bool = False

    def holds(self, read: Read) -> bool | None:
        """Return whether it holds; None when the signal is not known."""
        value = read(self.signal)
        if math.isnan(value):
            return None
        return self.low <= value <= self.high if self.closed else self.low < value < self.high


@dataclass(frozen=True)
class Differs:
    """Two signals are more than `by` apart.

    `scale` and `offset` turn the second into the unit of the first.
    """

    signal: Signal
    other: Signal
    by: float
    scale: float
    offset: float

    def holds(self, read: Read) -> bool | None:
        """Return whether they differ; None when one of them is not known."""
        apart = abs(read(self.signal) - (read(self.other) * self.scale + self.offset))
        return None if math.isnan(apart) else apart > self.by


@dataclass(frozen=True)
class Known:
    """A signal has (or, `wanted` False, has not) a good value."""

    signal: Signal
    wanted: bool

    def holds(self, read: Read) -> bool | None:
        """Return whether that is so."""
        return math.isnan(read(self.signal)) is not self.wanted


@dataclass(frozen=True)
class Not:
    """The contrary."""

    of: Condition

    def holds(self, read: Read) -> bool | None:
        """Return the contrary; what is not known remains so."""
        held = self.of.holds(read)
        return None if held is None else not held


@dataclass(frozen=True)
class Joined:
    """All (`every`) or any of several; unknown parts count only where they could change the answer."""

    parts: tuple[Condition, ...]
    every: bool

    def holds(self, read: Read) -> bool | None:
        """Return the answer of three-valued logic (Kleene, Introduction to Metamathematics, section 64)."""
        held = [part.holds(read) for part in self.parts]
        decisive = not self.every
        if decisive in held:
            return decisive
        return None if None in held else self.every


Condition = Within | Differs | Known | Not | Joined


def signals_of(condition: Condition) -> Iterator[Signal]:
    """Yield the signals that a condition speaks of."""
    match condition:
        case Joined():
            for part in condition.parts:
                yield from signals_of(part)
        case Not():
            yield from signals_of(condition.of)
        case Differs():
            yield from (condition.signal, condition.other)
        case _:
            yield condition.signal
