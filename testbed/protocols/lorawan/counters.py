"""Frame counters: 32 bits of which the air carries the lower 16, and never a number twice.

Source: LoRaWAN L2 1.0.4, section 4.3.1.5. A frame that is played again later is taken for one of the next
round of the lower 16 bits, whose integrity code it does not have: so it is refused.
"""

from __future__ import annotations

_ROUND = 1 << 16
_LAST = (1 << 32) - 1


class ReceivedCounter:
    """The counter of what was received from one side of a session."""

    def __init__(self, last: int = -1) -> None:
        self.last = last
        """The number of the newest frame, -1 before the first."""

    def next(self, low: int) -> int:
        """Return the first number after the newest with these lower 16 bits; raises ValueError at the end."""
        number = (self.last + 1 & ~(_ROUND - 1)) | low
        if number <= self.last:
            number += _ROUND
        if number > _LAST:
            raise ValueError("the frame counter is at its end: the device has to join again")
        return number

    def is_repetition(self, low: int) -> bool:
        """Return whether a frame has the lower 16 bits of the newest one, as one sent again has."""
        return self.last >= 0 and self.last & (_ROUND - 1) == low

    def take(self, number: int) -> None:
        """Remember the number of a frame whose integrity is proven."""
        self.last = number
