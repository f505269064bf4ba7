"""When something will be reached: the time to a limit, and how sure that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Reach(NamedTuple):
    """When a course reaches a limit, s from now, and the standard deviation of that."""

    seconds: float
    sigma: float


def reach(times: Floats, values: Floats, sigmas: Floats, limit: float, *, above: bool) -> Reach | None:
    """Return when a course first goes beyond a limit; None if it stays within.

    The uncertainty in value over the slope at the crossing is that in time (propagation of error, to first
    order).
    """
    way = 1.0 if above else -1.0
    beyond = (values - limit) * way > 0
    if not beyond.any():
        return None
    at = int(np.argmax(beyond))
    if at == 0:
        return Reach(0.0, 0.0)
    before, after = values[at - 1], values[at]
    share = (limit - before) / (after - before)
    seconds = times[at - 1] + share * (times[at] - times[at - 1])
    slope = abs(after - before) / (times[at] - times[at - 1])
    return Reach(float(seconds), float(sigmas[at] / slope))
