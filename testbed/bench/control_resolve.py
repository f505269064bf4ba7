"""Turns what a bench file says of a loop's controller into plain numbers."""

from __future__ import annotations

import math
from typing import Any

from testbed.signals import Signal

from .control_by_model import Around, resolve_ahead, resolve_by_model
from .control_spec import (
    ControllerSpec,
    FeedForwardSpec,
    LqrSpec,
    OnOffSpec,
    PidSpec,
    RelaySpec,
    ScheduledSpec,
)
from .controllers import ControllerPlan, FeedForward, ModelAhead, OnOffPlan, PidPlan, RelayPlan, ScheduledPlan
from .document import Path_
from .lookup import Lookup


def resolve_controller(
    path: Path_, spec: ControllerSpec, around: Around, look: Lookup
) -> ControllerPlan | None:
    """Return the plan of a controller; None, with problems, if there is none."""
    where, reads, writes = (*path, spec.kind), around.reads, around.writes
    if isinstance(spec.chosen, LqrSpec):
        return resolve_by_model(where, spec.chosen, around, look)
    if isinstance(spec.chosen, PidSpec):
        return _pid(where, spec.chosen, around, look)
    if isinstance(spec.chosen, ScheduledSpec):
        return _scheduled(where, spec.chosen, around, look)
    if isinstance(spec.chosen, RelaySpec):
        return _relay(where, spec.chosen, reads, writes, look)
    return _on_off(where, spec.chosen, reads, writes, look)


def _pid(path: Path_, spec: PidSpec, around: Around, look: Lookup) -> PidPlan | None:
    """Return the plan of a PID controller."""
    manner = _manner(path, spec, around, look)
    return None if manner is None else PidPlan(spec.kp, spec.ki, spec.kd, spec.bias, **manner)


def _manner(
    path: Path_, spec: PidSpec | ScheduledSpec, around: Around, look: Lookup
) -> dict[str, Any] | None:
    """Return what a plan says besides its gains."""
    filter_ = _duration((*path, "filter"), spec.filter, look)
    ahead = None
    if spec.feed_forward is not None:
        ahead = _feed_forward((*path, "feed_forward"), spec.feed_forward, around, look)
        if ahead is None:
            return None
    if filter_ is None:
        return None
    return {
        "filter": filter_,
        "setpoint_weight": spec.setpoint_weight,
        "derivative_weight": spec.derivative_weight,
        "feed_forward": ahead,
    }


def _scheduled(path: Path_, spec: ScheduledSpec, around: Around, look: Lookup) -> ScheduledPlan | None:
    own = spec.by in ("setpoint", "measured")
    by = spec.by if own else look.signal((*path, "by"), spec.by)
    if by is None:
        return None
    unit = by.unit if isinstance(by, Signal) else around.reads.unit
    manner = _manner(path, spec, around, look)
    points: list[tuple[float, PidPlan]] = []
    for index, gains in enumerate(spec.gains):
        at = look.convert((*path, "gains", index, "at"), gains.at, unit)
        if at is None or manner is None:
            return None
        if points and at <= points[-1][0]:
            look.problem((*path, "gains", index, "at"), f"must be above the point before it, not {gains.at}")
        points.append((at, PidPlan(gains.kp, gains.ki, gains.kd, gains.bias, **manner)))
    return ScheduledPlan(by, tuple(points))


def _feed_forward(
    path: Path_, spec: FeedForwardSpec, around: Around, look: Lookup
) -> FeedForward | ModelAhead | None:
    if spec.from_ is None or spec.gain is None:
        return resolve_ahead((*path, "twin"), spec.twin or "", around, look)
    signal = look.signal((*path, "from"), spec.from_)
    at = None if signal is None else look.convert((*path, "at"), spec.at, signal.unit)
    return None if signal is None or at is None else FeedForward(signal, spec.gain, at)


def _on_off(path: Path_, spec: OnOffSpec, reads: Signal, writes: Signal, look: Lookup) -> OnOffPlan | None:
    on = _output((*path, "output_on"), spec.output_on, writes, look)
    off = _output((*path, "output_off"), spec.output_off, writes, look)
    band = look.convert((*path, "hysteresis"), spec.hysteresis, reads.unit, difference=True)
    if band is not None and band < 0:
        look.problem((*path, "hysteresis"), f"must not be below 0, not {spec.hysteresis}")
    if on is not None and on == off:
        look.problem((*path, "output_off"), f"on and off are the same: {spec.output_off}")
    min_on = _duration((*path, "min_on"), spec.min_on, look)
    min_off = _duration((*path, "min_off"), spec.min_off, look)
    if on is None or off is None or band is None or min_on is None or min_off is None:
        return None
    return OnOffPlan(on, off, band, spec.on_when == "above", min_on, min_off)


def _relay(path: Path_, spec: RelaySpec, reads: Signal, writes: Signal, look: Lookup) -> RelayPlan | None:
    low = _output((*path, "low"), spec.low, writes, look)
    high = _output((*path, "high"), spec.high, writes, look)
    step = look.convert((*path, "step"), spec.step, writes.unit, difference=True)
    if low is None or high is None or step is None:
        return None
    if not 0 < step <= high - low:
        text = f"must be above 0 and no more than what lies between low and high, not {spec.step}"
        look.problem((*path, "step"), text)
    band, least, most = (
        None if given is None else look.convert((*path, name), given, reads.unit, difference=difference)
        for name, given, difference in (
            ("hysteresis", spec.hysteresis, True), ("least", spec.least, False), ("most", spec.most, False),
        )
    )  # fmt: skip
    ends = -math.inf if least is None else least, math.inf if most is None else most
    return RelayPlan(low, high, step, band, spec.reverse, *ends, spec.cycles)


def _output(path: Path_, quantity: str | float, writes: Signal, look: Lookup) -> float | None:
    value = look.convert(path, quantity, writes.unit)
    if value is not None:
        look.within_limits(path, writes, value)
    return value


def _duration(path: Path_, quantity: str | float, look: Lookup) -> float | None:
    value = look.convert(path, quantity, "s")
    if value is not None and value < 0:
        look.problem(path, f"must not be below 0 s, not {quantity}")
    return value
