"""The region EU863-870: bands and their duty cycles, channels, data rates, powers, windows.

Sources: LoRaWAN Regional Parameters RP002-1.0.4, section 2.5; ETSI EN 300 220-2 V3.2.1, annex B.
"""

from __future__ import annotations

from dataclasses import dataclass

from .airtime import EU868_CHANNELS, AirBudget

JOIN_CHANNELS = EU868_CHANNELS[:3]
"""Hz: where every device may ask to join."""

RX2_FREQUENCY = 869_525_000
"""Hz: where the second window listens."""

RX2_DATA_RATE = 0
RX_DELAY_2 = 1.0
"""Seconds from the first window to the second."""

JOIN_DELAY = 5.0
"""Seconds from a join request to the first window for its accept."""

MAX_EIRP = 16.0
"""dBm: 14 dBm ERP in the bands L and M."""

RX2_EIRP = 29.0
"""dBm: 27 dBm ERP in the band P."""

POWER_STEPS = 8
"""TXPower 0 to 7, each 2 dB below the one before."""

ADR_ACK_LIMIT = 64
"""Uplinks without any downlink after which a device asks whether it is heard."""

ADR_ACK_DELAY = 32
"""Uplinks more after which it turns its power, then its data rate back by a step."""

REQUIRED_SNR = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""dB at which a frame is just decoded, by spreading factor (Semtech SX1276 data sheet, table 13)."""

MAX_MAC_PAYLOAD = {12: 59, 11: 59, 10: 59, 9: 123, 8: 250, 7: 250}
"""Bytes from DevAddr to the payload's end by spreading factor."""


@dataclass(frozen=True)
class Band:
    """A part of the spectrum (Hz) with its duty cycle (0 to 1) and its power (dBm EIRP)."""

    name: str
    low: int
    high: int
    duty: float
    eirp: float


BANDS = (
    Band("K", 863_000_000, 865_000_000, 0.001, 16.0),
    Band("L", 865_000_000, 868_000_000, 0.01, 16.0),
    Band("M", 868_000_000, 868_600_000, 0.01, 16.0),
    Band("N", 868_700_000, 869_200_000, 0.001, 16.0),
    Band("P", 869_400_000, 869_650_000, 0.1, 29.0),
    Band("Q", 869_700_000, 870_000_000, 0.01, 9.0),
)


def band_of(frequency: int) -> Band:
    """Return the band of a frequency (Hz); raises ValueError when none may be sent on."""
    for band in BANDS:
        if band.low <= frequency < band.high:
            return band
    raise ValueError(f"{frequency / 1e6:g} MHz is in no band of EU863-870")


def spreading_factor(data_rate: int) -> int:
    """Return the spreading factor of DR0 to DR5; raises ValueError for any other."""
    if not 0 <= data_rate <= 5:
        raise ValueError(f"DR{data_rate} is no LoRa data rate at 125 kHz of EU863-870")
    return 12 - data_rate


class DutyCycle:
    """Seconds on the air that one sender may still spend within any hour, by band.

    `share` scales what the law allows: above 1 for a shielded box.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._budgets = {band.name: AirBudget(min(band.duty * share, 1.0) * 3600) for band in BANDS}

    def allows(self, time_ns: int, frequency: int, seconds: float) -> bool:
        """Return whether `seconds` may be sent at `frequency` now."""
        return self._budgets[band_of(frequency).name].allows(time_ns, seconds)

    def take(self, time_ns: int, frequency: int, seconds: float) -> bool:
        """Spend `seconds`; returns False, and spends nothing, when that is too much."""
        return self._budgets[band_of(frequency).name].take(time_ns, seconds)
