"""What the data say a command should be: an expectation learned from past commands and states."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from testbed.bench import Cause, HabitSpec
from testbed.signals import Command, Signal

from .check import Finding

_FORGETTING = 0.999  # of each command by the time of the next: a thousand commands are remembered
_SETTLING = 5  # commands a coefficient before errors count
_CAUTION = 1e3  # variance of coefficients that nothing is known of yet, in units of the scaled features


class Habit:
    """One actuator's past, as a line through it.

    Recursive least squares with exponential forgetting (Astrom and Wittenmark, Adaptive Control, section
    2.2): the command is expected to be linear in the one before and in the signals that the requester looks
    at. The spread of the residuals, forgotten at the same rate, tells how far off is usual.
    """

    def __init__(self, features: int) -> None:
        self._weights = np.zeros(features)
        self._covariance = np.eye(features) * _CAUTION
        self._variance = 0.0
        self.count = 0

    def expected(self, features: np.ndarray) -> tuple[float, float]:
        """Return the value that is expected, and its standard deviation."""
        spread = 1.0 + float(features @ self._covariance @ features)
        return float(self._weights @ features), math.sqrt(self._variance * spread)

    def learn(self, features: np.ndarray, value: float) -> None:
        """Take a command that went out."""
        error = value - float(self._weights @ features)
        reach = self._covariance @ features
        gain = reach / (_FORGETTING + float(features @ reach))
        self._weights = self._weights + gain * error
        self._covariance -= np.outer(gain, reach)
        if np.trace(self._covariance) < _CAUTION * len(features):
            self._covariance /= _FORGETTING  # else nothing new was seen for long, and doubt is large enough
        self.count += 1
        judged = self.count - _SETTLING * len(features)  # the first errors only tell how little was known
        if judged > 0:
            share = max(1.0 - _FORGETTING, 1.0 / judged)
            self._variance += share * (error * error - self._variance)


class Habits:
    """Holds each command of an actuator against what its past ones let expect.

    Only what nearly repeats can be judged so: until enough commands were learned from, nothing is said.
    All values are scaled by the limits of their signals, so that no unit weighs more than another.
    """

    def __init__(
        self,
        spec: HabitSpec,
        seen: Mapping[int, Sequence[Signal]],
        read: Callable[[Signal], float],
    ) -> None:
        """`seen` are the signals that an actuator's owner looks at, by actuator; others are not judged."""
        self._spec = spec
        self._seen = seen
        self._read = read
        self._habits = {number: Habit(2 + len(signals)) for number, signals in seen.items()}
        self._before: dict[int, float] = {}

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return how far the command is from what the data say."""
        habit, features = self._habits.get(signal.id), self._features(signal)
        if habit is None or features is None or habit.count < self._spec.after:
            return None
        expected, sigma = habit.expected(features)
        low, high = _span(signal)
        allowed = max(self._spec.sigma * sigma, self._spec.least / 100)
        if abs((command.value - low) / (high - low) - expected) <= allowed:
            return None
        width = high - low
        text = (
            f"{signal.path}: {command.value:g} {signal.unit} deviates from what past commands let expect:"
            f" {low + expected * width:.3g} +/- {allowed * width:.2g} {signal.unit}"
        )
        return Finding(Cause.HABIT, text.rstrip())

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Learn from what went out; a way to safety is no habit."""
        habit = self._habits.get(signal.id)
        if habit is None:
            return
        low, high = _span(signal)
        value = (command.value - low) / (high - low)
        features = self._features(signal)
        if features is not None and command.value != signal.safe:
            habit.learn(features, value)
        self._before[signal.id] = value

    def _features(self, signal: Signal) -> np.ndarray | None:
        """Return what the command is expected from; None as long as part of it is not known."""
        before = self._before.get(signal.id)
        if before is None:
            return None
        values = [self._read(each) / _scale(each) for each in self._seen[signal.id]]
        features = np.array((1.0, before, *values))
        return None if np.isnan(features).any() else features


def _span(signal: Signal) -> tuple[float, float]:
    return signal.limits or (0.0, 1.0)


def _scale(signal: Signal) -> float:
    low, high = _span(signal)
    return max(abs(low), abs(high), 1.0)
