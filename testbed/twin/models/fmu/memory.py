"""What an FMU remembers and does not show, kept under numbers: a model's state is made of numbers alone.

Each number stands for one moment of the FMU. Where the FMU can copy itself, the copy is kept; where it
cannot, what was done to it since its beginning is, and to go back there is to do all that again.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .failure import FmuFailed

_KEPT, _FEWEST, _ROOM = 65536, 64, 256 * 1024 * 1024

Numbers = tuple[float, ...]


@dataclass(slots=True)
class Moment:
    """An FMU at one time: how it came there, and a copy of it if one could be made."""

    time: float
    """Up to which the model was asked, s since the FMU began."""
    reached: float
    """Up to which the FMU went: earlier where its steps are fixed."""
    parameters: Numbers
    before: Moment | None = None
    inputs: Numbers = ()
    seconds: float = 0.0
    next_event: float = math.inf
    copy: Any = None
    first: tuple[tuple[Any, float], ...] = ()
    """Of the first moment: what was set before the FMU began."""


class Memory:
    """Moments by number; the one that was not asked for longest goes first."""

    def __init__(self, drop: Callable[[Any], None], size: int, name: str) -> None:
        """`size` is that of one copy in bytes, 0 if nobody knows."""
        self._drop = drop
        self._name = name
        self._limit = max(_FEWEST, min(_KEPT, _ROOM // max(size, 1)))
        self._moments: OrderedDict[int, Moment] = OrderedDict()
        self._newest = 0

    def keep(self, moment: Moment) -> float:
        """Return the number under which a moment is kept."""
        while len(self._moments) >= self._limit:
            self._forget(self._moments.popitem(last=False)[1])
        self._newest += 1
        self._moments[self._newest] = moment
        return float(self._newest)

    def at(self, number: float) -> Moment:
        """Return a moment; raises FmuFailed when it is no longer kept."""
        key = round(number)
        moment = self._moments.get(key)
        if moment is None:
            raise FmuFailed(
                f"{self._name}: a state is no longer kept ({self._limit} newer ones are)",
                "keep a state for longer by save()",
            )
        self._moments.move_to_end(key)
        return moment

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Let go of all that is kept in the context when it ends."""
        before = self._newest
        try:
            yield
        finally:
            for number in range(before + 1, self._newest + 1):
                if (moment := self._moments.pop(number, None)) is not None:
                    self._forget(moment)

    def clear(self) -> None:
        """Let go of all copies."""
        for moment in self._moments.values():
            self._forget(moment)
        self._moments.clear()

    def _forget(self, moment: Moment) -> None:
        copy, moment.copy = moment.copy, None
        if copy is not None:
            self._drop(copy)
