"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

_FIRST = 0.1  # seconds
LONGEST = 5.0
_GROWTH = 2.0


class Backoff:
    """Doubling waits with full jitter from 0.1 s to `longest`, so that many devices never retry in step."""

    def __init__(self, chance: random.Random, longest: float = LONGEST) -> None:
        self._chance = chance
        self._longest = longest
        self._ceiling = _FIRST

    def next(self) -> float:
        """Return the next wait in seconds."""
        wait = self._chance.uniform(_FIRST, max(self._ceiling, _FIRST))
        self._ceiling = min(self._ceiling * _GROWTH, self._longest)
        return wait

    def reset(self) -> None:
        """Begin again with the shortest wait: the device was reached."""
        self._ceiling = _FIRST
