"""How long something that wears will last: a line through what it was at different times, up to its limit.

The line is that of least squares; the interval is where the line's own interval holds the limit (calibration
by Fieller's theorem: Draper, Smith, "Applied Regression Analysis", section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LEAST = 4  # points
_SURE = 0.95


@dataclass(frozen=True)
class Remaining:
    """What is left of something: seconds until its limit, and the 95 % interval of that."""

    value: float
    """What it is now, on the line."""
    slope: float
    """How it changes, per s."""
    seconds: float
    low: float
    high: float


def remaining(times: Sequence[float], values: Sequence[float], limit: float) -> Remaining | None:
    """Return how long it lasts from the last of `times` (s) on; None while the data show no way there.

    That is the case for fewer than four points, and unless the slope leads to `limit` with 97.5 %
    certainty.
    """
    if len(times) < _LEAST or max(times) <= min(times):
        return None
    from scipy.stats import linregress, t

    n, last = len(times), max(times)
    middle = sum(times) / n
    fit = linregress([time - middle for time in times], values)
    mean, slope, stderr = float(fit.intercept), float(fit.slope), float(fit.stderr)
    now = mean + slope * (last - middle)
    if slope * (limit - now) <= 0:
        return None
    # Fieller: where the interval of the line itself holds the limit.
    width = float(t.ppf((1 + _SURE) / 2, n - 2)) ** 2
    spread = sum((time - middle) ** 2 for time in times)
    square = slope**2 - width * stderr**2
    if square <= 0:
        return None
    half = slope * (limit - mean)
    rest = (limit - mean) ** 2 - width * stderr**2 * spread / n
    root = math.sqrt(max(half**2 - square * rest, 0.0))
    low, high = ((half + way * root) / square - (last - middle) for way in (-1.0, 1.0))
    return Remaining(now, slope, (limit - now) / slope, max(low, 0.0), high)


def thinned(
    times: Sequence[float], values: Sequence[float], most: int = 20
) -> tuple[list[float], list[float]]:
    """Return the means of at most so many stretches of equal length in time: neighbours tell the same."""
    if len(times) <= most:
        return list(times), list(values)
    begin, width = times[0], (times[-1] - times[0]) / most or math.inf
    stretches: dict[int, list[tuple[float, float]]] = {}
    for time, value in zip(times, values, strict=True):
        stretches.setdefault(min(most - 1, int((time - begin) / width)), []).append((time, value))
    means = [[sum(each) / len(each) for each in zip(*part, strict=True)] for part in stretches.values()]
    return [mean[0] for mean in means], [mean[1] for mean in means]
