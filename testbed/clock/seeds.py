"""Chance from one place: every consumer gets a generator of its own, made from the session's seed."""

from __future__ import annotations

import hashlib
import random


class Seeds:
    """Named random streams: the same seed and name give the same numbers on every run and machine."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> random.Random:
        """Return the generator called `name`; adding another name never disturbs it."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return random.Random(int.from_bytes(digest[:8], "big"))
