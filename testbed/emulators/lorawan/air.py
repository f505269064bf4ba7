"""The air between devices and gateways: path loss, noise, collisions, capture.

Level = power - path loss (31.2 dB at 1 m for 868 MHz, then by the exponent) - losses at both ends, with
fading from frame to frame. A frame is decoded when its SNR reaches what its spreading factor needs, and no
other of the same spreading factor on its channel comes within 6 dB of it once its preamble has all but
passed (Bor, Roedig, Voigt, Alonso: "Do LoRa low-power wide-area networks scale?", 2016, sections 3.2 and
3.3). Frames of different spreading factors are taken not to disturb each other.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from testbed.clock import NS, Clock
from testbed.protocols.lorawan.airtime import airtime
from testbed.protocols.lorawan.eu868 import REQUIRED_SNR

NOISE_FLOOR = -117.0
"""dBm: -174 dBm/Hz in 125 kHz, and 6 dB of a receiver's own."""

CAPTURE = 6.0
"""dB by which a frame has to be the louder one."""

_LOSS_AT_1_M = 31.2
_LOCKED_AFTER = 3  # symbols of a preamble of 8: the receiver needs the last five
_BEST_SNR = (9.5, 1.0)  # what a receiver reports of a frame loud and clear: mean and deviation, dB
_KEPT_NS = 5 * NS  # longer than any frame: what may have overlapped one that is still on the air


@dataclass(frozen=True)
class Spot:
    """A place (m) and what is lost there (dB)."""

    x: float
    y: float
    loss: float = 0.0


@dataclass(frozen=True)
class Reception:
    """How a frame was heard: RSSI in dBm, SNR in dB."""

    rssi: int
    snr: float


@dataclass(eq=False)
class Signal:
    """A frame on the air, and at which level (dBm) each listener has it."""

    phy: bytes
    frequency: int
    spreading_factor: int
    uplink: bool
    start_ns: int
    end_ns: int
    levels: dict[Listener, float] = field(default_factory=dict)

    @property
    def locked_ns(self) -> int:
        """From when on another frame can spoil it."""
        return self.start_ns + round(_LOCKED_AFTER * (1 << self.spreading_factor) / 125_000 * NS)

    def overlaps(self, other: Signal) -> bool:
        """Return whether `other` is on the air while this one can be spoilt by it."""
        return (
            self.frequency == other.frequency
            and self.spreading_factor == other.spreading_factor
            and self.uplink == other.uplink  # downlinks are inverted: uplinks do not hear them
            and other.end_ns > self.locked_ns
            and other.start_ns < self.end_ns
        )


class Listener(Protocol):
    """What hears frames."""

    @property
    def spot(self) -> Spot:
        """Where it is."""

    @property
    def hears_uplinks(self) -> bool:
        """Whether it hears uplinks (a gateway), else downlinks (a device)."""

    def begins(self, signal: Signal) -> bool:
        """Return whether it listens to a frame that begins, loud enough for it."""

    def heard(self, signal: Signal, reception: Reception) -> None:
        """Take a frame that it has decoded."""


class Air:
    """Carries frames to those who can hear them."""

    def __init__(self, clock: Clock, chance: random.Random, exponent: float, fading: float) -> None:
        self._clock = clock
        self._random = chance
        self._exponent = exponent
        self._fading = fading
        self._listeners: list[Listener] = []
        self._signals: list[Signal] = []
        self.collisions = 0
        """Frames that a listener lost to another frame."""

    def join(self, listener: Listener) -> None:
        """Let somebody hear."""
        self._listeners.append(listener)

    def transmit(
        self,
        spot: Spot,
        phy: bytes,
        frequency: int,
        spreading_factor: int,
        eirp: float,
        *,
        uplink: bool,
        start_ns: int | None = None,
    ) -> Signal:
        """Put a frame on the air, now or as of `start_ns`; returns it with the time at which it ends."""
        start = self._clock.now() if start_ns is None else start_ns
        seconds = airtime(len(phy), spreading_factor, crc=uplink)
        signal = Signal(phy, frequency, spreading_factor, uplink, start, start + round(seconds * NS))
        self._signals = [each for each in self._signals if each.end_ns > start - _KEPT_NS]
        self._signals.append(signal)
        locked = []
        for listener in self._listeners:
            if listener.hears_uplinks == uplink:
                level = signal.levels[listener] = eirp - self._loss(spot, listener.spot)
                if level - NOISE_FLOOR >= REQUIRED_SNR[spreading_factor] and listener.begins(signal):
                    locked.append(listener)
        self._clock.at(signal.end_ns, partial(self._end, signal, locked))
        return signal

    def _end(self, signal: Signal, locked: list[Listener]) -> None:
        others = [each for each in self._signals if each is not signal and signal.overlaps(each)]
        for listener in locked:
            level = signal.levels[listener]
            if any(level - other.levels[listener] < CAPTURE for other in others):
                self.collisions += 1
                continue
            snr = min(level - NOISE_FLOOR, self._random.gauss(*_BEST_SNR))
            listener.heard(signal, Reception(round(level), round(snr * 4) / 4))

    def _loss(self, near: Spot, far: Spot) -> float:
        distance = max(math.hypot(near.x - far.x, near.y - far.y), 1.0)
        path = _LOSS_AT_1_M + 10 * self._exponent * math.log10(distance)
        return path + near.loss + far.loss + self._random.gauss(0.0, self._fading)
