"""What passes between a device and its network server, as far as a bench can tell it from the air."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from testbed.protocols.lorawan.airtime import EU868_CHANNELS


@dataclass(frozen=True)
class UplinkFrame:
    """A data frame from the device; `ack` confirms the last confirmed downlink it received."""

    f_cnt: int
    f_port: int
    data: bytes
    ack: bool
    frequency: int


@dataclass(frozen=True)
class DownlinkFrame:
    """A data frame to the device, in its window RX1 (on the uplink's own channel)."""

    f_cnt: int
    f_port: int
    data: bytes
    confirmed: bool


class Station(Protocol):
    """What hears the device."""

    def heard(self, frame: UplinkFrame) -> None:
        """Take an uplink."""


@dataclass(frozen=True)
class Reception:
    """How a gateway heard an uplink: RSSI in dBm, SNR in dB."""

    channel: int
    rssi: int
    snr: float


def receive(frame: UplinkFrame, chance: random.Random) -> Reception:
    """Return a reception as of a device some hundred metres away."""
    return Reception(
        EU868_CHANNELS.index(frame.frequency),
        round(chance.gauss(-82, 4)),
        round(chance.gauss(8.5, 1.5) * 4) / 4,
    )
