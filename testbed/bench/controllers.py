"""The controllers of a bench, resolved: numbers in the units of what is read and written, times in s."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

from testbed.signals import Signal


@dataclass(frozen=True)
class FeedForward:
    """The output owes `gain` times (the signal's value less `at`) to a measured disturbance."""

    signal: Signal
    gain: float
    at: float = 0.0


@dataclass(frozen=True)
class ModelAhead:
    """The output owes to the setpoint what holds the model of a twin there; `period` is that of the loop."""

    twin: str
    reads: Signal
    period: float


@dataclass(frozen=True)
class PidPlan:
    """The settings of a PID controller; see PidSpec."""

    kind: ClassVar[str] = "pid"

    kp: float
    ki: float = 0.0
    kd: float = 0.0
    bias: float = 0.0
    filter: float = 0.0
    setpoint_weight: float = 1.0
    derivative_weight: float = 0.0
    feed_forward: FeedForward | ModelAhead | None = None


@dataclass(frozen=True)
class ScheduledPlan:
    """PID controllers at points of what they go by, in rising order; see ScheduledSpec."""

    kind: ClassVar[str] = "scheduled"

    by: Signal | str
    points: tuple[tuple[float, PidPlan], ...]


@dataclass(frozen=True)
class OnOffPlan:
    """The settings of an on-off controller; it is on above the setpoint with `above`, else below it."""

    kind: ClassVar[str] = "on_off"

    on: float
    off: float
    hysteresis: float
    above: bool = False
    min_on: float = 0.0
    min_off: float = 0.0


@dataclass(frozen=True)
class LqrPlan:
    """The settings of a linear-quadratic regulator; see LqrSpec. `period` is that of its loop."""

    kind: ClassVar[str] = "lqr"

    twin: str
    reads: Signal
    error: float
    effort: float
    integral: float
    period: float


@dataclass(frozen=True)
class Bound:
    """What a measured quantity is to stay between, in the unit of its signal."""

    signal: Signal
    low: float
    high: float


@dataclass(frozen=True)
class MpcPlan(LqrPlan):
    """The settings of a model-predictive controller; see MpcSpec. `steps` are periods that it looks ahead."""

    kind: ClassVar[str] = "mpc"

    steps: int = 50
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True)
class RelayPlan:
    """The settings of a relay experiment; see RelaySpec."""

    kind: ClassVar[str] = "relay"

    low: float
    high: float
    step: float
    """How far the output goes to either side once it is known around what."""
    hysteresis: float | None = None
    """By how much the setpoint has to be passed; None: so much that noise does not switch."""
    reverse: bool = False
    """Whether more output gives less of what is measured."""
    least: float = -math.inf
    most: float = math.inf
    """What is measured must stay between these, or the experiment ends."""
    cycles: int = 3


ControllerPlan = PidPlan | ScheduledPlan | OnOffPlan | LqrPlan | RelayPlan
"""What any loop's controller may be."""

_NAMES = {
    "pid": "PID",
    "scheduled": "scheduled PID",
    "on_off": "on-off",
    "lqr": "LQR",
    "mpc": "MPC",
    "relay": "relay",
}


def plan_words(plan: ControllerPlan) -> str:
    """Return a controller with the settings that somebody gave it, for people: PID: kp 20, ki 1.2."""
    given = [(each.name, getattr(plan, each.name)) for each in fields(plan)]
    usual = {each.name: each.default for each in fields(plan)}
    told = [
        f"{name} {value:g}"
        for name, value in given
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value != usual[name]
    ]
    if isinstance(plan, ScheduledPlan):
        by = plan.by if isinstance(plan.by, str) else plan.by.path
        told = [f"by {by}", *(f"at {at:g} {plan_words(each)}" for at, each in plan.points)]
    return f"{_NAMES[plan.kind]}: {', '.join(told)}"
