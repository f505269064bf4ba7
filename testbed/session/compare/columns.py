"""Records as columns: what is compared of them, so that whole arrays are, before any record is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]


class Columns(NamedTuple):
    """Records of one device or signal.

    `times` in ns, `values` where they have one (else 0), `kinds`: a number for all else in which they must
    be equal, the same number for the same in both sessions.
    """

    times: Times
    values: Values
    kinds: Times

    @classmethod
    def of(cls, times: Iterable[int], values: Iterable[float], kinds: Iterable[int]) -> Self:
        """Make columns of anything."""
        return cls(
            np.fromiter(times, np.int64), np.fromiter(values, np.float64), np.fromiter(kinds, np.int64)
        )

    @property
    def size(self) -> int:
        """How many records they hold."""
        return len(self.times)

    def part(self, which: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Columns:
        """Return some of the records."""
        return Columns(self.times[which], self.values[which], self.kinds[which])

    def in_time(self) -> Columns:
        """Return the records in the order of their times."""
        if self.size < 2 or bool(np.all(self.times[1:] >= self.times[:-1])):
            return self
        return self.part(np.argsort(self.times, kind="stable"))


NOTHING = Columns.of((), (), ())


def joined(parts: list[Columns]) -> Columns:
    """Return columns end to end."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    times, values, kinds = zip(*parts, strict=True)
    return Columns(np.concatenate(times), np.concatenate(values), np.concatenate(kinds))
