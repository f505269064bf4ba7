"""What a signal did after something was done: where it came to rest, how soon, how still it was there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .text import round_up

_STILL = 0.2  # the last part of the time, in which a signal must have come to rest
_SIGMAS = 5.0
_CLEAR = 20.0  # times its tolerance must a signal have moved, or it is taken for noise
_FEWEST = 10  # samples


class Reaction(NamedTuple):
    """A signal came to `value`, to within `tolerance` for good after `seconds`; it had moved by `change`."""

    value: float
    tolerance: float
    seconds: float
    change: float


def reaction(times: NDArray[np.float64], values: NDArray[np.float64], before: float) -> Reaction | None:
    """Return what a signal that had been at `before` did; None when it did not move or did not settle.

    `times` in s since something was done, in order; `values` good ones only.
    """
    if len(values) < _FEWEST or not np.isfinite(before):
        return None
    end = values[times >= times[-1] * (1 - _STILL)]
    if len(end) < _FEWEST // 2:
        return None
    value = float(np.mean(end))
    resolution = float(np.min(np.abs(np.diff(np.unique(values))), initial=np.inf))
    noise = max(_SIGMAS * float(np.std(end)), 1.01 * float(np.max(np.abs(end - value))))
    if noise == 0 and not np.isfinite(resolution):
        return None  # it never moved
    tolerance = round_up(max(noise, 1e-3 * abs(value - before), resolution if noise == 0 else 0.0))
    change = value - before
    if abs(change) < _CLEAR * tolerance:
        return None
    outside = np.flatnonzero(np.abs(values - value) > tolerance)
    settled = times[outside[-1] + 1] if len(outside) else times[0]
    return Reaction(value, tolerance, float(settled), change)
