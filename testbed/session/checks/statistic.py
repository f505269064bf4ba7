"""Checks of many samples together, decided when the time is over: stability, correlation, the twin."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

from testbed.signals import Sample, Signal

from .check import Check

_RUN = 10
"""Residuals of which the mean is taken: one outlier is noise, a run of them is a twin that has come apart."""


class _Gathered(Check):
    """Keeps the good samples of its first signal until `during_ns` is over."""

    def __init__(self, text: str, *signals: Signal, during_ns: int, unit: str | None = None) -> None:
        super().__init__(text, *signals, unit=unit)
        self._during_ns = during_ns
        self.times: array[int] = array("q")
        self.values: array[float] = array("d")

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def good(self, sample: Sample) -> None:
        """Keep a sample."""
        self.times.append(sample.time_ns)
        self.values.append(sample.value)

    def expire(self) -> None:
        """Decide over all of them."""
        if not self.nothing_came():
            self.decide()

    def decide(self) -> None:
        """Pass or fail."""

    def too_few(self, what: str) -> None:
        """Fail because nothing can be said of so little."""
        self.fail(self.due_ns, f"{what} in {self._during_ns / 1e9:g} s are too few to judge")


class IsStable(_Gathered):
    """The Allan deviation at `over_ns` is at most `most`.

    Half the mean square of the differences between the means of neighbouring stretches of `over_ns`, its
    root. Source: D. W. Allan, Proc. IEEE 54 (1966) 221.
    """

    def __init__(self, text: str, signal: Signal, most: float, over_ns: int, during_ns: int) -> None:
        super().__init__(text, signal, during_ns=during_ns)
        self._most, self._over_ns = most, over_ns

    def decide(self) -> None:
        """Pass or fail."""
        means = self._means()
        pairs = [(a, b) for a, b in pairwise(means) if a is not None and b is not None]
        if not pairs:
            self.too_few(f"{sum(mean is not None for mean in means)} stretches with samples")
            return
        deviation = math.sqrt(sum((b - a) ** 2 for a, b in pairs) / (2 * len(pairs)))
        self.margin = self._most - deviation
        told = f"Allan deviation {self.quantity(deviation)}"
        if deviation <= self._most:
            self.pass_(math.inf, told)
        else:
            self.fail(self.due_ns, told)

    def _means(self) -> list[float | None]:
        """Return the mean of each whole stretch of time, None of one without a sample."""
        count = self._during_ns // self._over_ns
        sums, numbers = [0.0] * count, [0] * count
        for time_ns, value in zip(self.times, self.values, strict=True):
            stretch = (time_ns - self.since_ns) // self._over_ns
            if stretch < count:
                sums[stretch] += value
                numbers[stretch] += 1
        return [total / n if n else None for total, n in zip(sums, numbers, strict=True)]


class Follows(_Gathered):
    """Pearson's correlation of a signal with another is at least `least`.

    Taken over the samples of the first, each with the value that the other has then.
    """

    def __init__(self, text: str, signal: Signal, other: Signal, least: float, during_ns: int) -> None:
        super().__init__(text, signal, other, during_ns=during_ns, unit="")
        self._least = least
        self._other = math.nan
        self._others: array[float] = array("d")

    def good(self, sample: Sample) -> None:
        """Keep a pair, or the other's new value."""
        if sample.signal == self.signals[1].id:
            self._other = sample.value
        elif not math.isnan(self._other):
            super().good(sample)
            self._others.append(self._other)

    def decide(self) -> None:
        """Pass or fail."""
        if len(self.values) < 3:
            self.too_few(f"{len(self.values)} samples of both")
            return
        correlation = pearson(self.values, self._others)
        if math.isnan(correlation):
            self.fail(self.due_ns, "one of the two did not move at all")
            return
        self.margin = correlation - self._least
        told = f"correlation {correlation:.4f}"
        if correlation >= self._least:
            self.pass_(math.inf, told)
        else:
            self.fail(self.due_ns, told)


class AgreesWithTwin(_Gathered):
    """The residual's mean over each ten samples stays within `sigma` standard deviations of the noise.

    `noise` is that standard deviation, None to estimate it from the residuals themselves: the median of the
    steps between neighbours, which a slow drift does not enter (MAD / 0.6745, over sqrt(2) for a difference).
    """

    def __init__(
        self, text: str, residual: Signal, sigma: float, noise: float | None, during_ns: int
    ) -> None:
        super().__init__(text, residual, during_ns=during_ns)
        self._sigma, self._noise = sigma, noise

    def decide(self) -> None:
        """Pass or fail."""
        values = self.values
        if len(values) < 2 * _RUN:
            self.too_few(f"{len(values)} residuals")
            return
        noise = self._noise
        if noise is None:
            steps = sorted(abs(b - a) for a, b in pairwise(values))
            noise = steps[len(steps) // 2] / (0.6745 * math.sqrt(2))
        self.high = self._sigma * noise
        self.low = -self.high
        worst, at_ns, total = 0.0, self.times[0], 0.0
        for number, value in enumerate(values):
            total += value - (values[number - _RUN] if number >= _RUN else 0.0)
            if number >= _RUN - 1 and abs(total / _RUN) > abs(worst):
                worst, at_ns = total / _RUN, self.times[number]
        self.margin = self.high - abs(worst)
        told = f"{self.quantity(worst)}, {abs(worst) / noise if noise else math.inf:.2g} sigma of {noise:.3g}"
        if self.margin >= 0:
            self.pass_(math.inf, f"at the most {told}")
        else:
            self.fail(at_ns, f"{told}, {self.when(at_ns)}")


def pearson(a: array[float], b: array[float]) -> float:
    """Return the correlation of two columns; NaN when one of them never changes."""
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    var_a = math.fsum((x - mean_a) ** 2 for x in a)
    var_b = math.fsum((y - mean_b) ** 2 for y in b)
    if not var_a or not var_b:
        return math.nan
    both = math.fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return both / math.sqrt(var_a * var_b)
