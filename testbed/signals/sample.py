"""A value of a signal at a time, with a quality and a reason."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Quality(IntEnum):
    """How far a sample may be trusted; anything but GOOD carries a reason."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2

    @property
    def word(self) -> str:
        """The word that people and exports see: good, uncertain, bad."""
        return self.name.lower()


# gc=False: a sample holds only numbers and strings, so it can never be part of a cycle.
class Sample(msgspec.Struct, frozen=True, gc=False):
    """One value of one signal.

    `signal` is the dense index of the signal in its bench, `time_ns` is session time (UTC ns that
    never jumps), `value` is in the signal's unit (NaN when there is none, 0.0 and 1.0 for booleans).
    """

    signal: int
    time_ns: int
    value: float
    quality: Quality = Quality.GOOD
    reason: str = ""
