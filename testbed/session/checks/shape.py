"""Checks of how a signal moves: overshoot, rise time, rate, change."""

from __future__ import annotations

import math
from collections import deque

from testbed.signals import Sample, Signal

from .band import Stays
from .check import Check


class Overshoots(Stays):
    """For `during_ns` the signal goes past `target` by at most `most`, on the side away from where it began.

    A signal that begins at its target may leave it to neither side.
    """

    def __init__(self, text: str, signal: Signal, target: float, most: float, during_ns: int) -> None:
        super().__init__(text, signal, -math.inf, math.inf, during_ns)
        self._target = target
        self._most = most

    def good(self, sample: Sample) -> None:
        """Take a good sample; the first tells the direction."""
        if self.good_count == 1:
            if sample.value <= self._target:
                self.high = self._target + self._most
            if sample.value >= self._target:
                self.low = self._target - self._most
        super().good(sample)


class Rises(Check):
    """The signal goes from `start` to `end`, up or down, in at most `most_ns`; it is there by `within_ns`.

    The time runs from the last sample that is not beyond `start` to the first that is at `end` or beyond.
    """

    def __init__(
        self, text: str, signal: Signal, start: float, end: float, most_ns: int, within_ns: int
    ) -> None:
        super().__init__(text, signal, unit="s")
        self._sign = 1.0 if end > start else -1.0
        self._start, self._end = self._sign * start, self._sign * end
        self._most_ns, self._within_ns = most_ns, within_ns
        self._left_ns: int | None = None

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._within_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        if self.verdict is not None:
            return
        value = self._sign * sample.value
        if value <= self._start or self._left_ns is None:
            self._left_ns = sample.time_ns
        over_ns = self.since_ns + self._within_ns
        self.due_ns = min(over_ns, self._left_ns + self._most_ns) if value > self._start else over_ns
        if value >= self._end:
            took_ns = sample.time_ns - self._left_ns
            self.margin = (self._most_ns - took_ns) / 1e9
            self.pass_(sample.time_ns, f"took {took_ns / 1e9:.4g} s")

    def expire(self) -> None:
        """Settle that it has not got there in time."""
        if self.nothing_came():
            return
        if self._left_ns is not None and self.due_ns == self._left_ns + self._most_ns:
            self.fail(self.due_ns, f"still on its way after {self._most_ns / 1e9:g} s")
        else:
            self.fail(self.due_ns, f"not there within {self._within_ns / 1e9:g} s")


class ChangesSlowly(Check):
    """For `during_ns` the signal changes by at most `most` a second, averaged over `over_ns`.

    Each sample is compared with the value that held `over_ns` before it; with 0, with the sample before it.
    """

    def __init__(
        self, text: str, signal: Signal, most: float, over_ns: int, during_ns: int, unit: str
    ) -> None:
        super().__init__(text, signal, unit=unit)
        self._most, self._over_ns, self._during_ns = most, over_ns, during_ns
        self._held: deque[Sample] = deque()

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        held = self._held
        if not self._over_ns and sample.time_ns == self.since_ns:
            return  # what held already came earlier: by how much, and so at what rate, is not known
        held.append(sample)
        if self._over_ns:
            before_ns = sample.time_ns - self._over_ns
            while len(held) > 1 and held[1].time_ns <= before_ns:
                held.popleft()
            if held[0].time_ns > before_ns:
                return  # it has not been watched for that long
            seconds = self._over_ns / 1e9
        else:
            while len(held) > 2:
                held.popleft()
            seconds = (sample.time_ns - held[0].time_ns) / 1e9
            if seconds <= 0:
                return
        rate = abs(sample.value - held[0].value) / seconds
        self.margin = min(self.margin, self._most - rate)
        if rate > self._most:
            self.fail(sample.time_ns, f"{self.quantity(rate)} {self.when(sample.time_ns)}")

    def expire(self) -> None:
        """Settle that it has been slow all the time."""
        if not self.nothing_came():
            self.pass_(math.inf)


class Changes(Check):
    """Within `within_ns` the signal comes to differ by at least `by` from its value at the beginning."""

    def __init__(self, text: str, signal: Signal, by: float, within_ns: int) -> None:
        super().__init__(text, signal)
        self._by, self._within_ns = by, within_ns
        self._first: float | None = None
        self.margin = -math.inf

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._within_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        if self._first is None:
            self._first = sample.value
        change = abs(sample.value - self._first)
        self.margin = max(self.margin, change - self._by)
        if change >= self._by:
            came = f"{self._first:.6g} to {self.quantity(sample.value)}"
            self.pass_(sample.time_ns, f"{came} after {self.seconds(sample.time_ns):.3g} s")

    def bad(self, sample: Sample) -> None:
        """Wait on."""

    def expire(self) -> None:
        """Settle that it has not changed that much."""
        if not self.nothing_came():
            most = max(self.margin + self._by, 0.0)
            self.fail(self.due_ns, f"by {self.quantity(most)} at the most in {self._within_ns / 1e9:g} s")
