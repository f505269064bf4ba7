"""The first difference of two sessions: the records, what stands around them, and what their bytes say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .findings import Spot
from .look import Entry, Look, Record
from .rules import Kind
from .tracks import Track, Tracks

AROUND = 5
"""Records that are shown before a difference, and after it."""

_UNCOMPARED = ("record", "text", "meaning")  # of a record: its place, the words of an event, our words


@dataclass(frozen=True)
class Difference:
    """Where two sessions part first.

    `expected` is the record of a, `came` that of b, None where one has none there; `differs` names what is
    not the same in them. `a` and `b` are the records around it, `a_frame` and `b_frame` the bytes behind it,
    `fields` what is in these, side by side.
    """

    kind: Kind
    name: str
    time_ns: int
    place: int
    expected: Record | None
    came: Record | None
    differs: list[str]
    a: list[Record]
    b: list[Record]
    a_frame: Record | None = None
    b_frame: Record | None = None
    fields: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, times in seconds as in the comparison."""
        return {
            "kind": self.kind.one,
            "device": self.name.partition(".")[0] if self.kind is not Kind.EVENTS else None,
            "signal": self.name if "." in self.name else None,
            "time_s": self.time_ns / 1e9,
            "record": self.place,
            "differs": self.differs,
            "expected": self.expected,
            "came": self.came,
            "around": {"a": self.a, "b": self.b},
            "bytes": {"a": self.a_frame, "b": self.b_frame, "fields": self.fields},
        }


def describe_difference(track: Track, spot: Spot, tracks: Tracks) -> Difference:
    """Look at the records of a difference, in both sessions."""
    left, right = Look(track, tracks, tracks.a), Look(track, tracks, tracks.b)
    around_a = left.entries(spot.a_place - AROUND, spot.a_place + AROUND + 1)
    around_b = right.entries(spot.b_place - AROUND, spot.b_place + AROUND + 1)
    at_a, at_b = _at(around_a, spot.a_place), _at(around_b, spot.b_place)
    frames = left.frame(at_a) if at_a else None, right.frame(at_b) if at_b else None
    expected = at_a.shown if at_a and spot.in_a else None
    came = at_b.shown if at_b and spot.in_b else None
    return Difference(
        kind=track.kind,
        name=track.name,
        time_ns=spot.time_ns,
        place=spot.a_place if spot.in_a else spot.b_place,
        expected=expected,
        came=came,
        differs=_differs(expected, came, tracks.rules.strict),
        a=[entry.shown for entry in around_a],
        b=[entry.shown for entry in around_b],
        a_frame=frames[0],
        b_frame=frames[1],
        fields=_fields(*frames),
    )


def _at(entries: list[Entry], place: int) -> Entry | None:
    return next((entry for entry in entries if entry.place == place), None)


def _differs(expected: Record | None, came: Record | None, strict: bool) -> list[str]:
    if expected is None or came is None:
        return ["missing" if came is None else "extra"]
    if not strict:
        return ["value"]  # of all else and of its time it would have found another
    return [key for key in expected if key not in _UNCOMPARED and expected[key] != came.get(key)]


def _fields(a_frame: Record | None, b_frame: Record | None) -> list[dict[str, Any]]:
    """Return the fields of both frames side by side."""
    a, b = (frame["fields"] if frame else {} for frame in (a_frame, b_frame))
    return [
        {"field": name, "a": a.get(name), "b": b.get(name), "same": a.get(name) == b.get(name)}
        for name in {**a, **b}
    ]
