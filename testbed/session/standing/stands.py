"""How twins stand: a signal, a device, a bench; what is wrong with a part is wrong with the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from testbed.signals import Quality, Signal


class Health(IntEnum):
    """How well something is; the worst of its parts is its own."""

    GOOD = 0
    CHANGED = 1
    """Not what the bench file says, and known to be so: it is followed as it is."""
    DOUBTFUL = 2
    """Uncertain, contradicted by others, or no longer as its model foretells."""
    BAD = 3

    @property
    def word(self) -> str:
        """Return it in lower case."""
        return self.name.lower()


@dataclass(frozen=True)
class Wanted:
    """A value that a signal was to have."""

    value: float
    time_ns: int
    who: str


@dataclass(frozen=True)
class SignalStand:
    """A signal: what it was said to be, wanted to be and confirmed to be."""

    signal: Signal
    value: float
    time_ns: int
    quality: Quality
    sigma: float
    """Standard deviation of what its twin expects of it, NaN where nothing does."""
    desired: Wanted | None
    confirmed: Wanted | None
    refusal: str
    """Why what is desired could not be applied."""
    health: Health
    why: str


@dataclass(frozen=True)
class DeviceStand:
    """A device and its signals."""

    name: str
    level: str
    model: str
    version: int
    """Of its model: 1 is what the bench file says."""
    health: Health
    why: str
    signals: tuple[SignalStand, ...]


@dataclass(frozen=True)
class BenchStand:
    """A bench and its devices at a time of session, in ns."""

    name: str
    time_ns: int
    health: Health
    why: str
    devices: tuple[DeviceStand, ...]


def as_dict(stand: BenchStand) -> dict[str, Any]:
    """Return it as plain JSON values; what is not known is None."""
    return {
        "bench": stand.name,
        "time_ns": stand.time_ns,
        "health": stand.health.word,
        "why": stand.why,
        "devices": {
            device.name: {
                "level": device.level,
                "model": device.model or None,
                "version": device.version,
                "health": device.health.word,
                "why": device.why,
                "signals": {each.signal.name: _signal_dict(each) for each in device.signals},
            }
            for device in stand.devices
        },
    }


def _signal_dict(stand: SignalStand) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def wanted(each: Wanted | None) -> dict[str, Any] | None:
        return (
            None if each is None else {"value": number(each.value), "time_ns": each.time_ns, "who": each.who}
        )

    return {
        "reported": {
            "value": number(stand.value), "unit": stand.signal.unit, "time_ns": stand.time_ns,
            "quality": stand.quality.word, "sigma": number(stand.sigma),
        },
        "desired": wanted(stand.desired),
        "confirmed": wanted(stand.confirmed),
        "refusal": stand.refusal,
        "health": stand.health.word,
        "why": stand.why,
    }  # fmt: skip
