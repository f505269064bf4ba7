"""What a bench's commands are judged by, resolved: conditions read, units turned into plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from testbed.signals import Signal

from .condition import Condition, signals_of
from .condition_text import read_condition
from .document import Path_
from .guard_spec import Action, GuardSpec, HabitSpec, InterlockSpec, PolicySpec
from .lookup import Lookup


class Cause(StrEnum):
    """What the guard can object to. What stands above `LIMITS` is always refused."""

    WRITABLE = "writable"
    VALUE = "value"
    DEADLINE = "deadline"
    LEVEL = "level"
    OWNER = "owner"
    REPLAYED = "replayed"
    LIMITS = "limits"
    SLEW = "slew"
    FRESHNESS = "freshness"
    INTERLOCK = "interlock"
    HABIT = "habit"
    LOOKAHEAD = "lookahead"


_MAY: Mapping[str, frozenset[Action]] = MappingProxyType(
    {
        Cause.LIMITS: frozenset({Action.REFUSE, Action.CLAMP, Action.SAFE_STOP}),
        Cause.SLEW: frozenset({Action.REFUSE, Action.CLAMP, Action.HOLD}),
        Cause.FRESHNESS: frozenset({Action.REFUSE, Action.HOLD, Action.SAFE_STOP}),
        Cause.INTERLOCK: frozenset({Action.REFUSE, Action.HOLD}),
        Cause.LOOKAHEAD: frozenset({Action.REFUSE, Action.CLAMP, Action.HOLD, Action.SAFE_STOP}),
        Cause.HABIT: frozenset({Action.ALLOW, Action.REFUSE, Action.HOLD, Action.SAFE_STOP}),
    }
)
"""What may follow: nothing that breaks the bench lets a command pass as it is."""


@dataclass(frozen=True)
class Interlock:
    """While `when` holds, or is not known, the actuators `holds` are at their safe values.

    It lets go when `reset` holds (None: when `when` does not); one with a `latch` only when a person resets
    it besides.
    """

    name: str
    text: str
    when: Condition
    reset: Condition | None
    holds: tuple[Signal, ...]
    latch: bool
    reset_text: str | None = None


@dataclass(frozen=True)
class Lookahead:
    """What no command may lead to within `horizon` s, if it stays for `hold` s and safety comes after it."""

    never: tuple[tuple[str, Condition], ...] = ()
    """Each as it is written, and read."""
    horizon: float = 60.0
    hold: float = 1.0
    sigma: float = 2.0


@dataclass(frozen=True)
class GuardPlan:
    """What commands are judged by; times in ns."""

    interlocks: tuple[Interlock, ...] = ()
    freshness_ns: int = 2_000_000_000
    habit: HabitSpec | None = None
    patience_ns: int = 100_000_000
    lookahead: Lookahead = Lookahead()
    policy: Mapping[str, Action] = field(default_factory=lambda: dict(PolicySpec()))


def resolve_guard(given: GuardSpec | None, look: Lookup) -> GuardPlan:
    """Return what a `guard` section says (None: none is there), its problems noted."""
    spec = GuardSpec.model_validate({}) if given is None else given
    for cause, action in spec.policy:
        if action not in _MAY[cause]:
            hint = "use " + ", ".join(sorted(_MAY[cause]))
            look.problem(("guard", "policy", cause), f"{action} is no answer to {cause}", hint)

    def ns(key: str) -> int:
        return round((look.positive(("guard", key), getattr(spec, key), "s") or 1.0) * 1e9)

    return GuardPlan(
        tuple(
            interlock
            for name, each in spec.interlocks.items()
            if (interlock := _interlock(name, each, look)) is not None
        ),
        ns("freshness"), spec.habit, ns("patience"), _lookahead(spec, look), dict(spec.policy),
    )  # fmt: skip


def _lookahead(spec: GuardSpec, look: Lookup) -> Lookahead:
    path: Path_ = ("guard", "lookahead")
    never = []
    for number, text in enumerate(spec.never):
        where: Path_ = ("guard", "never", number)
        condition = read_condition(where, text, look)
        if condition is None:
            continue
        if not any(f"{signal.path}_predicted" in look.by_path for signal in signals_of(condition)):
            look.problem(where, "no twin predicts any of these signals", "name one that has a *_predicted")
        never.append((text, condition))
    horizon, hold = (
        look.positive((*path, key), getattr(spec.lookahead, key), "s") for key in ("horizon", "hold")
    )
    if horizon is not None and hold is not None and hold >= horizon:
        look.problem((*path, "hold"), f"{hold:g} s is no part of a horizon of {horizon:g} s")
    return Lookahead(tuple(never), horizon or 60.0, hold or 1.0, spec.lookahead.sigma)


def _interlock(name: str, spec: InterlockSpec, look: Lookup) -> Interlock | None:
    path: Path_ = ("guard", "interlocks", name)
    when = read_condition((*path, "when"), spec.when, look)
    reset = None if spec.reset is None else read_condition((*path, "reset"), spec.reset, look)
    holds = [look.writable((*path, "holds", index), each) for index, each in enumerate(spec.holds)]
    if when is None or None in holds or (spec.reset is not None and reset is None):
        return None
    actuators = tuple(each for each in holds if each)
    return Interlock(name, spec.when, when, reset, actuators, spec.latch, spec.reset)
