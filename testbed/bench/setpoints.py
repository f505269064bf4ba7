"""The setpoints of loops that move, resolved: the signals that they are, and the legs that they go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.signals import Access, Signal

from .document import Path_
from .lookup import Lookup
from .setpoint_spec import LegSpec, MovingSpec
from .spec import LoopSpec
from .units import difference_unit

NAME = "setpoint"
"""What the signal of a loop's setpoint is called: LOOP.setpoint."""


@dataclass(frozen=True)
class Leg:
    """To `to` (None: it stays where it is) in `seconds` or at `rate` a second, whichever is given.

    Of a leg that stays, only the time counts in which what is measured is `within` of it.
    """

    to: float | None
    seconds: float | None = None
    rate: float = math.inf
    within: float = math.inf


@dataclass(frozen=True)
class Moving:
    """A setpoint that is a signal: one that takes commands, or one that goes along `legs`.

    `value` is where it begins or, with legs, where it comes to; `start` where a course begins, None: at
    what is measured then.
    """

    signal: Signal
    value: float
    legs: tuple[Leg, ...] = ()
    start: float | None = None


def resolve_moving(specs: Mapping[str, LoopSpec], look: Lookup) -> dict[str, Moving]:
    """Return the setpoints that move, by the name of their loop, and make their signals known."""
    found: dict[str, Moving] = {}
    for name, spec in specs.items():
        reads = look.by_path.get(spec.reads)
        if reads is None or not isinstance(spec.setpoint, MovingSpec):
            continue
        if name in look.devices:
            hint = "give the loop a name of its own"
            look.problem(("loops", name), f"{name}.{NAME} would be a signal of a device", hint, key=True)
            continue
        path: Path_ = ("loops", name, "setpoint")
        moving = _course if spec.setpoint.profile else _commanded
        setpoint = moving(path, name, spec.setpoint, reads, look)
        if setpoint is not None:
            look.add(setpoint.signal)
            found[name] = setpoint
    return found


def _commanded(path: Path_, loop: str, spec: MovingSpec, reads: Signal, look: Lookup) -> Moving | None:
    assert spec.value is not None  # noqa: S101  (the shape was checked)
    assert spec.limits is not None  # noqa: S101
    value = look.convert((*path, "value"), spec.value, reads.unit)
    low, high = (
        look.convert((*path, "limits", index), each, reads.unit) for index, each in enumerate(spec.limits)
    )
    slew = None if spec.slew is None else _rate((*path, "slew"), spec.slew, reads, look)
    if value is None or low is None or high is None:
        return None
    if not low < high:
        look.problem((*path, "limits"), f"the lower limit comes first: {low:g} is not below {high:g}")
        return None
    signal = Signal(
        len(look.signals), loop, NAME, reads.unit, Access.WRITE, (low, high), slew, value,
        title=f"What the loop {loop} is to hold",
    )  # fmt: skip
    look.within_limits((*path, "value"), signal, value)
    return Moving(signal, value)


def _course(path: Path_, loop: str, spec: MovingSpec, reads: Signal, look: Lookup) -> Moving | None:
    legs = [_leg((*path, "profile", at), each, reads, look) for at, each in enumerate(spec.profile or ())]
    start = None if spec.start is None else look.convert((*path, "start"), spec.start, reads.unit)
    ends = [leg.to for leg in legs if leg is not None and leg.to is not None]
    if not ends:
        if None not in legs:
            look.problem((*path, "profile"), "a profile goes somewhere: write a leg {to: VALUE, rate: RATE}")
        return None
    title = f"What the loop {loop} is to hold"
    signal = Signal(len(look.signals), loop, NAME, reads.unit, Access.NOTIFY, title=title)
    return Moving(signal, ends[-1], tuple(leg for leg in legs if leg is not None) * spec.repeat, start)


def _leg(path: Path_, spec: LegSpec, reads: Signal, look: Lookup) -> Leg | None:
    if spec.hold is not None:
        seconds = look.positive((*path, "hold"), spec.hold, "s")
        within = math.inf
        if spec.within is not None:
            within = _difference((*path, "within"), spec.within, reads, look) or 0.0
        return None if seconds is None else Leg(None, seconds, within=within)
    assert spec.to is not None  # noqa: S101  (the shape was checked)
    to = look.convert((*path, "to"), spec.to, reads.unit)
    if spec.rate is not None:
        rate = _rate((*path, "rate"), spec.rate, reads, look)
        return None if to is None or rate is None else Leg(to, rate=rate)
    seconds = 0.0 if spec.for_ is None else look.positive((*path, "for"), spec.for_, "s")
    return None if to is None or seconds is None else Leg(to, seconds)


def _difference(path: Path_, quantity: str | float, reads: Signal, look: Lookup) -> float | None:
    value = look.convert(path, quantity, reads.unit, difference=True)
    if value is not None and not value > 0:
        look.problem(path, f"must be above 0 {difference_unit(reads.unit)}, not {quantity}")
        return None
    return value


def _rate(path: Path_, quantity: str | float, reads: Signal, look: Lookup) -> float | None:
    unit = difference_unit(reads.unit)
    return look.positive(path, quantity, f"{unit}/s" if unit else "1/s")
