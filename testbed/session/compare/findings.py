"""What comparing a track came to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .columns import Times, Values


class Spot(NamedTuple):
    """Where a track differs first: the time in the comparison, and the place of the record in each session.

    `in_a` and `in_b` say which session has a record there; one has none where it lacks what the other has.
    """

    time_ns: int
    a_place: int
    b_place: int
    in_a: bool
    in_b: bool


@dataclass
class Findings:
    """What comparing a track came to.

    `missing` records of a have no counterpart in b, `extra` ones of b none in a, `differing` ones have some
    but none that agrees. Errors are of all that have one; `max_shift_ns` is the longest time to it.
    """

    a: int = 0
    b: int = 0
    missing: int = 0
    extra: int = 0
    a_differing: int = 0
    b_differing: int = 0
    max_error: float = 0.0
    max_error_ns: int | None = None
    max_shift_ns: int = 0
    first: Spot | None = None
    _squares: float = 0.0
    _errors: int = 0

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.first is None

    @property
    def differing(self) -> int:
        """How many records differ, in the session where they are more."""
        return max(self.a_differing, self.b_differing)

    @property
    def rms(self) -> float | None:
        """Root of the mean of the squared errors, None when there is none."""
        return math.sqrt(self._squares / self._errors) if self._errors else None

    def add_errors(self, times: Times, errors: Values, shifts: Times) -> None:
        """Count errors, NaN where there is none, and distances in time."""
        real = np.isfinite(errors)
        if real.any():
            errors, times = errors[real], times[real]
            self._squares += float(np.sum(errors * errors))
            self._errors += len(errors)
            worst = int(np.argmax(errors))  # the first of them
            error, time_ns = float(errors[worst]), int(times[worst])
            earlier = self.max_error_ns is not None and time_ns < self.max_error_ns
            if error > self.max_error or (error == self.max_error and earlier):
                self.max_error, self.max_error_ns = error, time_ns
        self.max_shift_ns = max(self.max_shift_ns, int(shifts.max(initial=0)))

    def note(self, spot: Spot) -> None:
        """Keep the earliest spot."""
        if self.first is None or spot.time_ns < self.first.time_ns:
            self.first = spot

    def as_dict(self, values: bool) -> dict[str, Any]:
        """Return it as plain JSON values, times in seconds; `values`: whether its records have values."""
        counts = {
            "same": self.same,
            "a": self.a,
            "b": self.b,
            "missing": self.missing,
            "extra": self.extra,
            "differing": self.differing,
            "max_shift_s": self.max_shift_ns / 1e9,
        }
        if not values:
            return counts
        return {
            **counts,
            "max_error": self.max_error if self._errors else None,
            "max_error_at_s": None if self.max_error_ns is None else self.max_error_ns / 1e9,
            "rms_error": self.rms,
        }
