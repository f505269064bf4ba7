"""How twins stand: a signal, a device, a bench; what is wrong with a part is wrong with the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from testbed.signals import Quality, Signal
from testbed.twin.update import Remaining


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
class Lasting:
    """A parameter that wears, and how long until its part is worn out; None: no trend leads there."""

    parameter: str
    unit: str
    value: float
    """The newest that is known, NaN if nothing is."""
    limit: float
    worn: bool
    remaining: Remaining | None

    def __str__(self) -> str:
        """Return it in words."""
        if self.worn:
            return (
                f"{self.parameter} is {self.value:.4g}, and worn out at {self.limit:.4g} {self.unit}".rstrip()
            )
        if self.remaining is None:
            return f"{self.parameter} shows no way to {self.limit:.4g} {self.unit} yet".rstrip()
        low, high = as_span(self.remaining.low), as_span(self.remaining.high)
        return (
            f"{self.parameter} is {self.remaining.value:.4g} {self.unit}".rstrip()
            + f" and reaches {self.limit:.4g} in {as_span(self.remaining.seconds)} ({low} to {high})"
        )


def as_span(seconds: float) -> str:
    """Return a time in the largest unit that it has two of."""
    for unit, size in (("years", 31_557_600.0), ("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


@dataclass(frozen=True)
class DeviceStand:
    """A device and its signals."""

    name: str
    level: str
    model: str
    version: int
    """Of its model: 1 is what the bench file says."""
    lasts: tuple[Lasting, ...]
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
                "lasts": {each.parameter: _lasting_dict(each) for each in device.lasts},
                "health": device.health.word,
                "why": device.why,
                "signals": {each.signal.name: _signal_dict(each) for each in device.signals},
            }
            for device in stand.devices
        },
    }


def _lasting_dict(lasting: Lasting) -> dict[str, Any]:
    left = lasting.remaining
    told = left and {"value": left.value, "s": left.seconds, "low_s": left.low, "high_s": left.high}
    return {"limit": lasting.limit, "unit": lasting.unit, "worn": lasting.worn, "remaining": told}


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
