"""How a network server chooses data rate, power and repetitions from how well it hears a device.

It is what ChirpStack's default algorithm does (chirpstack/src/adr/default.rs), after Semtech's paper
"LoRaWAN: simple rate adaptation recommended algorithm": 3 dB of margin beyond the installation margin is
one step, first of the data rate, then of the power.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .eu868 import POWER_STEPS, REQUIRED_SNR, spreading_factor

HISTORY = 20
"""Uplinks of which the best counts."""

INSTALLATION_MARGIN = 10.0
"""dB kept in hand."""

_STEP = 3.0  # dB
_FASTEST = 5  # DR5
_REPETITIONS = ((5, (1, 1, 2)), (10, (1, 2, 3)), (30, (2, 3, 3)), (101, (3, 3, 3)))
"""Below how many percent of loss, the new number of transmissions by the present one (1 to 3)."""


class RadioSettings(NamedTuple):
    """What a LinkADRReq sets: DR, TXPower and how often each uplink is sent."""

    data_rate: int
    tx_power: int = 0
    nb_trans: int = 1


class _Heard(NamedTuple):
    f_cnt: int
    snr: float
    tx_power: int


class AdrEngine:
    """What was heard of one device, and what that makes of its settings."""

    def __init__(self) -> None:
        self._heard: deque[_Heard] = deque(maxlen=HISTORY)

    def heard(self, f_cnt: int, snr: float, tx_power: int) -> None:
        """Take the best SNR (dB) at which an uplink of that power (TXPower) was heard."""
        self._heard.append(_Heard(f_cnt, snr, tx_power))

    def settings(self, now: RadioSettings) -> RadioSettings:
        """Return the settings that fit best; the given ones when nothing has to change."""
        heard = [each.snr for each in self._heard if each.tx_power == now.tx_power]
        nb_trans = self._repetitions(now.nb_trans)
        if not heard:
            return now._replace(nb_trans=nb_trans)
        margin = max(heard) - REQUIRED_SNR[spreading_factor(now.data_rate)] - INSTALLATION_MARGIN
        steps = int(margin / _STEP)
        # Without a whole history, less power is not taken back: that would go to and fro.
        if steps < 0 and len(heard) < HISTORY:
            return now._replace(nb_trans=nb_trans)
        data_rate, tx_power = stepped(steps, now.data_rate, now.tx_power)
        return RadioSettings(data_rate, tx_power, nb_trans)

    def _repetitions(self, now: int) -> int:
        if len(self._heard) < HISTORY:
            return now
        sent = self._heard[-1].f_cnt - self._heard[0].f_cnt + 1
        lost = 100 * (sent - HISTORY) / HISTORY
        row = next(row for below, row in _REPETITIONS if lost < below or below > 100)
        return row[max(1, min(now, 3)) - 1]


def stepped(steps: int, data_rate: int, tx_power: int, least_power: int = POWER_STEPS - 1) -> tuple[int, int]:
    """Return (data rate, TXPower) some steps away; a negative step gives power back, never the data rate."""
    for _ in range(steps):
        if data_rate < _FASTEST:
            data_rate += 1
        elif tx_power < least_power:
            tx_power += 1
    return data_rate, max(tx_power + min(steps, 0), 0)
