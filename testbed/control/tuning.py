"""Gains of PID controllers by rules, from how a device oscillates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Gains(NamedTuple):
    """Gains in the parallel form, as bench files have them."""

    kp: float
    ki: float
    kd: float = 0.0


class Rule(NamedTuple):
    """Gains as shares of the ultimate gain and the ultimate period."""

    gain: float
    integral: float
    derivative: float
    what: str

    def gains(self, ultimate_gain: float, ultimate_period: float) -> Gains:
        """Return the gains for a device that oscillates under this gain, with this period in s."""
        kp = self.gain * ultimate_gain
        return Gains(kp, kp / (self.integral * ultimate_period), kp * self.derivative * ultimate_period)


RULES: Mapping[str, Rule] = {
    "tyreus-luyben PI": Rule(0.3125, 2.2, 0.0, "gentle, no overshoot to speak of: a good beginning"),
    "tyreus-luyben PID": Rule(0.4545, 2.2, 1 / 6.3, "quicker, still well damped"),
    "no overshoot PID": Rule(0.2, 0.5, 1 / 3, "quick to reject, small steps"),
    "some overshoot PID": Rule(0.33, 0.5, 1 / 3, "between the two"),
    "ziegler-nichols PI": Rule(0.45, 1 / 1.2, 0.0, "rejects disturbances fast, overshoots"),
    "ziegler-nichols PID": Rule(0.6, 0.5, 0.125, "rejects disturbances fastest, overshoots most"),
}
"""By name. Ziegler and Nichols, Trans. ASME 64 (1942); Tyreus and Luyben, Ind. Eng. Chem. Res. 31 (1992); the
two in between are from Seborg, Edgar and Mellichamp, Process Dynamics and Control, table 12.6."""
