"""Feed-forward: what the output owes to what is known before any error comes of it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import numpy as np

from testbed.bench import FeedForward, ModelAhead, PidPlan
from testbed.signals import Signal
from testbed.twin.models import ModelFailed

from .base import GetTwin, Read
from .rest_point import RestPoint
from .through import Through

Ahead = Callable[[float], float]
"""Gives what is to be added to the output for a setpoint."""


def make_ahead(plan: PidPlan, actuator: Signal, read: Read, twin: GetTwin) -> Ahead:
    """Return the feed-forward of a PID controller."""
    if isinstance(plan.feed_forward, ModelAhead):
        return ByTwin(plan.feed_forward, actuator, twin)
    return BySignal(plan.feed_forward, read) if plan.feed_forward is not None else lambda setpoint: 0.0


class BySignal:
    """A disturbance that is measured; while its signal is not good, its last good value counts."""

    def __init__(self, plan: FeedForward, read: Read) -> None:
        self._plan = plan
        self._read = read
        self._last = 0.0

    def __call__(self, setpoint: float) -> float:
        """Return what is to be added."""
        value = self._read(self._plan.signal)
        if math.isfinite(value):
            self._last = self._plan.gain * (value - self._plan.at)
        return self._last


class ByTwin:
    """What holds the twin's model at the setpoint, its other inputs being as they are.

    While the twin has no state, or its model does not rest there, the last value counts.
    """

    def __init__(self, plan: ModelAhead, actuator: Signal, twin: GetTwin) -> None:
        self._plan = plan
        self._actuator = actuator
        self._twin = twin
        self._way: tuple[Through, RestPoint] | None = None
        self._last = 0.0

    def __call__(self, setpoint: float) -> float:
        """Return what is to be added."""
        if self._way is None:  # the twins are put together after the loops
            through = Through(self._twin(self._plan.twin), self._plan.reads, self._actuator)
            self._way = through, RestPoint(through, self._plan.period)
        through, rest = self._way
        if through.stands and not through.lost:
            with contextlib.suppress(np.linalg.LinAlgError, ModelFailed):
                self._last = through.writes.to_signal(rest.find(setpoint).written)
        return self._last
