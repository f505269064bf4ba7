"""Conditions as people write them in a bench file, read into numbers.

chamber.door_open
chamber.temperature above 82 degC and not chamber.over_temperature
fan.speed below 300 rpm or (fan.current above 0.7 A and chamber.heater_duty above 50 %)
probe.temperature between 10 degC and 70 degC
chamber.temperature differs from probe.temperature by 5 K
air.humidity is bad

`and` binds closer than `or`, `not` closer than both. A boolean signal may stand alone, or with `is on` and
`is off`; `is good` and `is bad` ask for the quality of its samples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial

from testbed.signals import Signal

from . import units
from .condition import Condition, Differs, Joined, Known, Not, Within
from .document import Path_
from .lookup import Lookup

Find = Callable[[str], Signal]
"""Gives the signal at a path; raises ValueError for a path that is none."""

EXAMPLE = "write for example: chamber.temperature above 80 degC and not chamber.door_open"


def parse_condition(text: str, find: Find) -> Condition:
    """Read a condition; raises ValueError saying what does not fit."""
    reader = _Reader(text, find)
    condition = reader.any_of()
    reader.end()
    return condition


_TOKEN = re.compile(r"\s*(\(|\)|[<>]=?|[^\s()<>]+)")
_PATH = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")
_ENDS = {"and", "or", ")", ""}
_BOUNDS = {
    "above": (True, False), ">": (True, False), ">=": (True, True),
    "below": (False, False), "<": (False, False), "<=": (False, True),
}  # fmt: skip
"""Word: whether it bounds from below, and whether the bound itself belongs to it."""


class _Reader:
    """Reads by recursive descent: any_of > all_of > one > comparison."""

    def __init__(self, text: str, find: Find) -> None:
        self._text = text
        self._find = find
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def any_of(self) -> Condition:
        return self._joined("or", self.all_of, every=False)

    def all_of(self) -> Condition:
        return self._joined("and", self.one, every=True)

    def _joined(self, word: str, part: Callable[[], Condition], *, every: bool) -> Condition:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), every)

    def one(self) -> Condition:
        if self._take("not"):
            return Not(self.one())
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                raise self._wrong("a ) is missing")
            return inner
        return self._comparison()

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self._next:
            raise self._wrong(f"{self._next!r} is not understood")

    def _comparison(self) -> Condition:
        signal = self._signal()
        if self._next in _ENDS:
            return Within(signal, 0.5, math.inf)
        word = self._word()
        if word in _BOUNDS:
            upwards, closed = _BOUNDS[word]
            bound = self._quantity(signal.unit)
            return (
                Within(signal, bound, math.inf, closed)
                if upwards
                else Within(signal, -math.inf, bound, closed)
            )
        if word == "between":
            low = self._quantity(signal.unit)
            if not self._take("and"):
                raise self._wrong("between LOW and HIGH: the 'and' is missing")
            return Within(signal, low, self._quantity(signal.unit), closed=True)
        if word == "differs":
            return self._differs(signal)
        if word == "is":
            return self._state(signal)
        raise self._wrong(f"{word!r} is not understood after {signal.path}")

    def _state(self, signal: Signal) -> Condition:
        match self._word():
            case "on":
                return Within(signal, 0.5, math.inf)
            case "off":
                return Within(signal, -math.inf, 0.5)
            case "good" | "bad" as word:
                return Known(signal, word == "good")
            case word:
                raise self._wrong(f"{signal.path} is on, off, good or bad, not {word!r}")

    def _differs(self, signal: Signal) -> Condition:
        if not self._take("from"):
            raise self._wrong("differs from SIGNAL by QUANTITY: the 'from' is missing")
        other = self._signal()
        if not self._take("by"):
            raise self._wrong("differs from SIGNAL by QUANTITY: the 'by' is missing")
        by = self._quantity(signal.unit, difference=True)
        zero, one = (units.convert(f"{value} {other.unit}", signal.unit) for value in (0, 1))
        return Differs(signal, other, by, one - zero, zero)

    def _signal(self) -> Signal:
        path = self._word()
        if not _PATH.fullmatch(path):
            raise self._wrong(f"expected a signal, device.signal, where {path or 'the end'!r} stands")
        return self._find(path)

    def _quantity(self, unit: str, *, difference: bool = False) -> float:
        words = []
        while self._next not in _ENDS:
            words.append(self._word())
        if not words:
            raise self._wrong("a quantity is missing")
        return units.convert(" ".join(words), unit, difference=difference)

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _word(self) -> str:
        word = self._next
        self._at += 1
        return word

    def _take(self, word: str) -> bool:
        if self._next != word:
            return False
        self._at += 1
        return True

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{self._text!r} is no condition: {what}; {EXAMPLE}")


def read_condition(path: Path_, text: str, look: Lookup) -> Condition | None:
    """Return a condition; None, with a problem at `path`, when it is none."""

    def find(name: str) -> Signal:
        signal = look.signal(path, name)
        if signal is None:
            raise _Unfound
        return signal

    try:
        return look.attempt(path, partial(parse_condition, text, find))
    except _Unfound:
        return None


class _Unfound(Exception):
    """A signal is not there, and a problem says so already."""
