"""How far a command may be from the recorded one on wires in real time, where no two runs are timed alike."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from testbed.bench.device import Device
from testbed.links.played import Asked, Rules
from testbed.signals import Signal

from .values import values_of

SHARE = 0.02
"""Of a signal's range, or of its recorded value where it has no limits."""

_HELD_NS = 50_000_000
_MOST_HELD = 4
"""What a loop's integral missed while the machine held it up stays missing: a SHARE more for each."""

_WINDOW_NS = 1_000_000_000
_GRACE_NS = 2_000_000_000
_ENDING_NS = 200_000_000  # a poll that comes a little late falls behind the last recorded one


def live_rules(device: Device, looped: Collection[str]) -> Rules:
    """Return the rules for a device that is played in real time.

    A controller samples a little earlier or later than it did, so what its loops command (`looped`
    signals) may differ by SHARE, or a few when the machine held it up; and a poll may be left out
    near an equal one, or a cycle whose command is in line with those near it. Everything else must be
    asked as it was.
    """
    read = values_of(device)

    def commanded(asked: Asked) -> float | None:
        found = read(asked)
        return found[1] if found is not None and found[0] in looped else None

    def fits(asked: Asked, others: Sequence[Asked], held_ns: int) -> bool:
        found = read(asked)
        values = [value for each in others if (value := commanded(each)) is not None]
        if found is None or found[0] not in looped or not values:
            return False
        shares = 1 + min(held_ns // _HELD_NS, _MOST_HELD)
        slack = shares * _tolerance(device.signals[found[0]], found[1])
        return min(values) - slack <= found[1] <= max(values) + slack

    return Rules(_WINDOW_NS, _GRACE_NS, _ENDING_NS, fits, skips=True)


def _tolerance(signal: Signal, value: float) -> float:
    low, high = signal.limits or (-math.inf, math.inf)
    span = high - low
    return SHARE * (span if math.isfinite(span) else abs(value))
