"""A plant that plays what was recorded: nothing drives it, its outputs follow their samples over time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, NamedTuple


class Column(NamedTuple):
    """The samples of one output: times in seconds from the start of the recording, rising; its values."""

    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class _Parameters:
    start: float = 0.0
    """Where in the recording to begin, s."""
    speed: float = 1.0
    """How much faster than it was recorded."""
    repeat: float = 0.0
    """1: begin again at the end; 0: hold the last values."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise ValueError(f"start must be a number of seconds from 0, not {self.start:g}")
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise ValueError(f"speed must be above 0, not {self.speed:g}")
        if self.repeat not in (0, 1):
            raise ValueError(f"repeat must be 0 or 1, not {self.repeat:g}")


class Recording:
    """Outputs are those of its columns, in the units of the columns; each holds its last sample.

    Before its first sample an output has the value of that sample.
    """

    INPUTS: ClassVar[tuple[str, ...]] = ()
    OUTPUTS: tuple[str, ...] = ()
    PARAMETERS: ClassVar = tuple(field.name for field in fields(_Parameters))

    def __init__(self, parameters: Mapping[str, float], columns: Mapping[str, Column] | None = None) -> None:
        self._how = _Parameters(**parameters)
        self.parameters: Mapping[str, float] = asdict(self._how)
        self._columns = dict(columns or {})
        self._end = max((column.times[-1] for column in self._columns.values()), default=0.0)
        self._now = self._how.start
        self.OUTPUTS = tuple(self._columns)

    def set(self, name: str, value: float) -> None:
        """Raise KeyError: a recording has no inputs."""
        raise KeyError(name)

    def step(self, seconds: float) -> None:
        """Advance by `seconds` of the bench's time."""
        self._now += seconds * self._how.speed
        if self._how.repeat and self._now > self._end:
            self._now = self._now % self._end if self._end else 0.0

    def output(self, name: str) -> float:
        """Return the sample that holds now."""
        column = self._columns[name]
        return column.values[max(0, bisect_right(column.times, self._now) - 1)]
