"""How exactly a controller has to do again what it did in the recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .dialect import Asked

Fits = Callable[[Asked, Sequence[Asked], int], bool]
"""Given a request, others about the same place, and how long the controller was held up so far (ns), says
whether the request could stand between the others."""


def same(one: Asked, other: Asked) -> bool:
    """Return whether two requests are one but for counters, ids and checksums."""
    return one.content == other.content


def nowhere(asked: Asked, others: Sequence[Asked], held_ns: int) -> bool:
    """Let nothing stand for anything else."""
    return False


@dataclass(frozen=True)
class Rules:
    """What a script lets pass; by default only what is the same, all of it.

    window_ns: how much earlier or later than recorded a request may come. An earlier one waits for the
    recorded answer. grace_ns: how long after its time a recorded request is waited for. ending_ns: how
    long before its end the recording may have nothing more about a place. fits: which requests may
    stand for a recorded one that is not the same. skips: whether a recorded request may be left out when
    one that is the same was made within grace_ns of it, or when it fits among those that were.
    """

    window_ns: int = 500_000_000
    grace_ns: int = 500_000_000
    ending_ns: int = 0
    fits: Fits = nowhere
    skips: bool = False
