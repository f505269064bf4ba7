"""What the drivers of devices at one wire have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """What is made once for each wire, by the first driver that asks, and handed to all others at it."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def at(self, place: Hashable, make: Callable[[], T]) -> T:
        """Return what stands at `place`; None is a place that nobody shares."""
        if place is None:
            return make()
        if place not in self._made:
            self._made[place] = make()
        made: T = self._made[place]
        return made
