"""How exactly a controller has to do again what it did in the recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .dialect import Asked


def same(recorded: Asked, asked: Asked) -> bool:
    """Return whether two requests are one but for counters, ids and checksums."""
    return recorded.content == asked.content


@dataclass(frozen=True)
class Rules:
    """What a script lets pass.

    window_ns: how much earlier or later than recorded a request may come. An earlier one waits for the
    recorded answer. grace_ns: how long after its time a recorded request is waited for. near: whether
    a request is close enough to a recorded one about the same place. skips: whether a recorded request
    may be left out beside another about the same place, as a busy machine does.
    """

    window_ns: int = 500_000_000
    grace_ns: int = 500_000_000
    near: Callable[[Asked, Asked], bool] = same
    skips: bool = False
