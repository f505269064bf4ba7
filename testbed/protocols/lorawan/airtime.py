"""How long a LoRa frame takes on the air, and how often the law lets a device send it.

Sources: Semtech AN1200.13 (LoRa modem designer's guide), section 4.1; LoRaWAN L2 1.0.4, section 4;
LoRaWAN Regional Parameters RP002-1.0.4, section 2.5 (EU863-870); ETSI EN 300 220-2, annex B.
"""

from __future__ import annotations

import math
from collections import deque

FRAME_OVERHEAD = 13
"""Bytes around an application payload: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4 (L2 1.0.4, 4)."""

EU868_CHANNELS = (868_100_000, 868_300_000, 868_500_000, 867_100_000, 867_300_000, 867_500_000, 867_700_000,
                  867_900_000)  # fmt: skip
"""Hz: the three channels that every device has, and the five that networks in Europe add."""

EU868_DUTY = 0.01 / (5 / 8)
"""Share of the time on the air for a device that hops evenly over these channels: 1.6 %.

Each of the bands L (865 to 868 MHz) and M (868.0 to 868.6 MHz) allows 1 %; five of the eight channels
lie in L, which therefore fills first.
"""

EU868_MAX_PAYLOAD = {12: 51, 11: 51, 10: 51, 9: 115, 8: 242, 7: 242}
"""Bytes of application payload by spreading factor (RP002-1.0.4, table of maximum payload size)."""

_HOUR_NS = 3_600 * 10**9


def airtime(
    phy_bytes: int, spreading_factor: int, *, bandwidth: int = 125_000, crc: bool = True, preamble: int = 8
) -> float:
    """Return the seconds on the air of a frame of `phy_bytes` (explicit header, coding rate 4/5)."""
    symbol = (1 << spreading_factor) / bandwidth
    low_data_rate = 2 if symbol > 0.016 else 0  # "mandated when the symbol length exceeds 16 ms"
    bits = 8 * phy_bytes - 4 * spreading_factor + 28 + (16 if crc else 0)
    blocks = max(math.ceil(bits / (4 * (spreading_factor - low_data_rate))), 0)
    return (preamble + 4.25 + 8 + blocks * 5) * symbol


def lawful_interval(payload_bytes: int, spreading_factor: int, duty: float = EU868_DUTY) -> float:
    """Return the seconds from one uplink to the next that a duty cycle demands on average."""
    return airtime(FRAME_OVERHEAD + payload_bytes, spreading_factor) / duty


class AirBudget:
    """Seconds on the air that may still be spent within any hour (the period that EN 300 220 observes)."""

    def __init__(self, seconds_an_hour: float) -> None:
        self._limit = seconds_an_hour
        self._spent: deque[tuple[int, float]] = deque()
        self._total = 0.0

    def allows(self, time_ns: int, seconds: float) -> bool:
        """Return whether `seconds` may be spent at `time_ns`."""
        while self._spent and self._spent[0][0] <= time_ns - _HOUR_NS:
            self._total -= self._spent.popleft()[1]
        if not self._spent:
            self._total = 0.0  # what rounding has left
        return self._total + seconds <= self._limit

    def take(self, time_ns: int, seconds: float) -> bool:
        """Spend `seconds` at `time_ns`; returns False, and spends nothing, when that is too much."""
        if not self.allows(time_ns, seconds):
            return False
        self._spent.append((time_ns, seconds))
        self._total += seconds
        return True
