"""The shape of a loop's `setpoint`: a value, one that may be commanded, or a course over time."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from .profile import Quantity


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LegSpec(_Spec):
    """One leg of a course: go somewhere (a step, a ramp), or stay there."""

    to: Quantity | None = Field(default=None, description="Where it goes; without rate and for, at once")
    rate: Quantity | None = Field(default=None, description="How fast, for example 2 K/min")
    for_: Quantity | None = Field(
        default=None, alias="for", description="How long it takes, in place of rate"
    )
    hold: Quantity | None = Field(default=None, description="How long it stays as it is")
    within: Quantity | None = Field(
        default=None, description="Of a hold: only the time counts in which what is measured is this near"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.to is None) == (self.hold is None):
            raise ValueError("a leg is {to: VALUE, rate: RATE}, {to: VALUE, for: TIME} or {hold: TIME}")
        if self.to is not None and self.within is not None:
            raise ValueError("within belongs to a hold")
        if self.hold is not None and (self.rate is not None or self.for_ is not None):
            raise ValueError("rate and for belong to a leg that goes somewhere")
        if self.rate is not None and self.for_ is not None:
            raise ValueError("a leg has a rate, or a time that it takes, not both")
        return self


class MovingSpec(_Spec):
    """A setpoint that moves: by commands within its limits, or along a course."""

    value: Quantity | None = Field(
        default=None, description="Where it begins, and where it goes when nobody commands it any more"
    )
    limits: tuple[Quantity, Quantity] | None = Field(
        default=None, description="Lowest and highest value; LOOP.setpoint then takes commands"
    )
    slew: Quantity | None = Field(default=None, description="Fastest change by command, for example 1 K/s")
    profile: list[LegSpec] | None = Field(
        default=None, min_length=1, description="Legs, one after the other; the last value stays"
    )
    start: Quantity | None = Field(
        default=None, description="Where a profile begins; without: at what is measured then"
    )
    repeat: int = Field(1, ge=1, description="How often the legs of a profile are gone through")

    @model_validator(mode="after")
    def _one(self) -> Self:
        commanded = (self.value, self.limits)
        if self.profile is None and None in commanded:
            raise ValueError(
                "a setpoint that takes commands has a value and limits, one that moves by itself a profile"
            )
        if self.profile is not None and (*commanded, self.slew) != (None, None, None):
            raise ValueError("a setpoint with a profile takes no commands: it has no value, limits or slew")
        if self.profile is None and (self.start is not None or self.repeat != 1):
            raise ValueError("start and repeat belong to a profile")
        return self


def _shape(given: Any) -> str:
    return "moving" if isinstance(given, (dict, MovingSpec)) else "value"


SetpointSpec = Annotated[
    Annotated[Quantity, Tag("value")] | Annotated[MovingSpec, Tag("moving")], Discriminator(_shape)
]
