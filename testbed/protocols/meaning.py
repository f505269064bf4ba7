"""What bytes say, for people: the shape in which every protocol tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Fields = dict[str, int | float | str]

_SHARED = ("transaction", "id", "command", "sequence", "characteristic")
"""Fields that an answer has in common with what it answers."""

_SHOWN = 32  # bytes of what nobody understood; more of it helps nobody


@dataclass(frozen=True)
class Meaning:
    """What the bytes `start` to `end` of some data say.

    `start` is below 0 when the frame began with data that came before. `fields` are the protocol's own
    (function, sequence, address, ...), `values` are those of signals by their name in the profile, in
    their units.
    """

    start: int
    end: int
    text: str
    fields: Fields = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def answers(self, question: Meaning) -> bool:
        """Return whether it has the fields by which an answer is known from `question`, if that has any."""
        known_by = [key for key in _SHARED if key in question.fields]
        return bool(known_by) and all(self.fields.get(key) == question.fields[key] for key in known_by)


class StreamDescriber(Protocol):
    """Says what the bytes of a stream mean; it is fed in the order in which they passed."""

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of everything in `data`, in its order; takes any bytes and never raises."""


def not_understood(start: int, data: bytes, end: int, why: str) -> Meaning:
    """Return the meaning of what has none: the reason and the bytes `start` to `end`."""
    piece = data[max(start, 0) : end]
    shown = piece[:_SHOWN].hex(" ") + (" ..." if len(piece) > _SHOWN else "")
    return Meaning(start, end, f"not understood: {why}: {shown}" if shown else f"not understood: {why}")


def unfinished(start: int, end: int, size: int | None = None) -> Meaning:
    """Return the meaning of a frame whose end is still to come; `size` is that of the whole, if known."""
    whole = f"a frame of {size} bytes" if size else "a frame"
    return Meaning(start, end, f"{end - start} bytes of {whole} that is not complete yet")


def told(values: Iterable[tuple[str, float]], units: Mapping[str, str]) -> str:
    """Return values as people read them: "speed 1499.6 rpm, current 0.41 A"."""
    return ", ".join(f"{name} {value:.6g} {units.get(name, '')}".rstrip() for name, value in values)
