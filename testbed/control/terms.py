"""What a controller reckoned in one cycle."""

from __future__ import annotations

import math
from typing import NamedTuple


class Terms(NamedTuple):
    """What a controller reckoned in one cycle; NaN for what it did not.

    `setpoint` and `measured` are in the unit of the signal that is read, the rest in that of the output.
    `output` is what was commanded: bias + p + i + d, within what the actuator can follow. What is fed
    forward is part of i; of a controller by a model, i is what holds the setpoint, and p is fed back.
    """

    setpoint: float
    measured: float
    output: float
    p: float
    i: float
    d: float


NO_TERMS = Terms(*[math.nan] * 6)
"""Nothing was reckoned."""
