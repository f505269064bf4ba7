"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

_FIRST = 0.1  # seconds
_CAP = 5.0
_GROWTH = 2.0


class Backoff:
    """Doubling waits with full jitter between 0.1 and 5 s, so that many devices never retry in step."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ceiling = _FIRST

    def next(self) -> float:
        """Return the next wait in seconds."""
        wait = self._chance.uniform(_FIRST, max(self._ceiling, _FIRST))
        self._ceiling = min(self._ceiling * _GROWTH, _CAP)
        return wait

    def reset(self) -> None:
        """Begin again with the shortest wait: the device was reached."""
        self._ceiling = _FIRST
