"""Inputs that are sampled rarely: when one of them turns out to have moved, nobody knows since when."""

from __future__ import annotations

import math

from testbed.twin.estimate import Happened
from testbed.twin.wiring import Wiring

_SLOW_NS = 1_000_000_000


class SlowInputs:
    """The inputs that come no more often than once a second."""

    def __init__(self, wiring: Wiring) -> None:
        self._spans: dict[int, float] = {}
        self._values: dict[int, float] = {}
        self.period_ns = 0
        """Of the slowest; 0 if there is none."""
        for number, wired in enumerate(wiring.inputs):
            if wired is None or wired[0].period_ns < _SLOW_NS:
                continue
            variable = wiring.model.INPUTS[number]
            span = variable.high - variable.low
            self._spans[number] = span if math.isfinite(span) else abs(variable.nominal) or 1.0
            self._values[number] = 0.0
            self.period_ns = max(self.period_ns, wired[0].period_ns)

    def moved(self, happened: Happened) -> float:
        """Return by what share of its range a slow input has moved; 0 if nothing of the kind happened."""
        if happened.measured or happened.which not in self._spans:
            return 0.0
        before, self._values[happened.which] = self._values[happened.which], happened.value
        return abs(happened.value - before) / self._spans[happened.which]
