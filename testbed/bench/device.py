"""A device of a bench, resolved: its wire, its profile and its signals with their bench-wide numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from testbed.signals import Signal

from . import units
from .boards import BoardSpec, Firmware
from .profile import Profile, SignalSpec
from .wires import Wire


@dataclass(frozen=True)
class Device:
    """What a driver or an emulator is made from.

    `signals` is keyed by name, in the profile's order. `configure` holds values (in each signal's
    unit) that the driver writes whenever the device comes online, before anything else is commanded.
    `calibration` names files that every recording keeps.
    `firmware` answers for it when it is emulated; `board` tells how the real one is flashed and reset.
    """

    name: str
    wire: Wire
    profile: Profile
    signals: dict[str, Signal]
    configure: dict[str, float] = field(default_factory=dict)
    calibration: tuple[Path, ...] = ()
    firmware: Firmware | None = None
    board: BoardSpec | None = None


def make_signals(device: str, profile: Profile, first_id: int) -> dict[str, Signal]:
    """Return the profile's signals for one device, numbered from `first_id`, in plain numbers."""
    return {
        name: _signal(device, name, spec, first_id + index)
        for index, (name, spec) in enumerate(profile.signals.items())
    }


def _signal(device: str, name: str, spec: SignalSpec, number: int) -> Signal:
    limits = spec.limits and (
        units.convert(spec.limits[0], spec.unit),
        units.convert(spec.limits[1], spec.unit),
    )
    return Signal(
        id=number,
        device=device,
        name=name,
        unit=spec.unit,
        access=spec.access,
        limits=limits or None,
        slew=None if spec.slew is None else units.convert(spec.slew, f"{spec.unit}/s"),
        safe=None if spec.safe is None else units.convert(spec.safe, spec.unit),
        period_ns=0 if spec.rate is None else round(1e9 / units.hertz(spec.rate)),
        title=spec.title,
    )
