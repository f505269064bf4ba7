"""The shape of a bench file's `guard` section: what commands are judged by, and what follows."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from .names import Name, SignalPath
from .profile import Quantity


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Action(StrEnum):
    """What the guard does with a command that it objects to."""

    ALLOW = "allow"
    CLAMP = "clamp"
    HOLD = "hold"
    REFUSE = "refuse"
    SAFE_STOP = "safe-stop"


class InterlockSpec(_Spec):
    """While something is so, actuators stay at their safe values."""

    when: str = Field(
        description="A condition, for example: chamber.door_open or chamber.temperature above 82 degC"
    )
    holds: list[SignalPath] = Field(
        min_length=1, description="The actuators that go to their safe values and stay there"
    )
    latch: bool = Field(
        default=False, description="Stay tripped when the condition is over, until it is reset by a person"
    )
    reset: str | None = Field(
        default=None, description="It lets go only once this holds; without: as soon as `when` does not"
    )


class HabitSpec(_Spec):
    """What the data say a command should be, learned from the past ones of its requester."""

    sigma: float = Field(8.0, gt=0, description="Standard deviations that a command may be off")
    least: float = Field(
        10.0, gt=0, lt=100, description="What it may be off at least, in % of the actuator's limits"
    )
    after: int = Field(200, ge=20, description="Commands that are learned from before any is judged")


class LookaheadSpec(_Spec):
    """How far the twins look before a command goes out."""

    horizon: Quantity = Field("60 s", description="For how long nothing of `never` may come to be")
    hold: Quantity = Field("1 s", description="How long the command stays before safety can be reached again")
    sigma: float = Field(2.0, ge=0, description="Standard deviations that the forecast may be off")


class PolicySpec(_Spec):
    """What follows when the guard objects, by what it objects to."""

    limits: Action = Action.REFUSE
    slew: Action = Action.REFUSE
    freshness: Action = Action.HOLD
    interlock: Action = Action.HOLD
    habit: Action = Action.HOLD
    lookahead: Action = Action.CLAMP


class GuardSpec(_Spec):
    """What every command is judged by, besides the limits and slews of its signal."""

    interlocks: dict[Name, InterlockSpec] = Field(default_factory=dict)
    freshness: Quantity = Field("2 s", description="Age of the sample that a command may be based on")
    habit: HabitSpec | None = Field(
        default=None, description="Hold a command against what the past ones let expect"
    )
    never: list[str] = Field(
        default_factory=list,
        description="What no command may lead to, as twins foretell: chamber.temperature above 84 degC",
    )
    lookahead: LookaheadSpec = Field(default_factory=lambda: LookaheadSpec.model_validate({}))
    patience: Quantity = Field("0.1 s", description="How long a judgement may take; a later one refuses")
    policy: PolicySpec = PolicySpec()
