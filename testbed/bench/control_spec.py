"""The shape of a loop's `controller`: one kind of it, with its settings."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .names import Name, SignalPath
from .profile import Quantity


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedForwardSpec(_Spec):
    """What the output owes to a measured disturbance, or to the setpoint, before any error comes of it."""

    from_: SignalPath | None = Field(default=None, alias="from", description="The signal that tells of it")
    gain: float | None = Field(default=None, description="Output unit per unit of the signal")
    at: Quantity = Field(0.0, description="The signal's value at which it adds nothing")
    twin: Name | None = Field(
        default=None, description="The twin whose model tells what holds the setpoint, in place of a signal"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.from_ is None) == (self.twin is None) or (self.from_ is None) != (self.gain is None):
            raise ValueError("is {from: SIGNAL, gain: G, at: VALUE}, or {twin: NAME}")
        return self


class _Gains(_Spec):
    kp: float
    ki: float = 0.0
    kd: float = 0.0
    bias: float = Field(0.0, description="Output at zero error, in the output's unit")


class _Manner(_Spec):
    filter: Quantity = Field(0.0, description="Time constant of the derivative's low-pass, for example 0.5 s")
    setpoint_weight: float = Field(
        1.0, ge=0, le=1, description="Share of the setpoint that the proportional part sees"
    )
    derivative_weight: float = Field(
        0.0, ge=0, le=1, description="Share of the setpoint that the derivative part sees"
    )
    feed_forward: FeedForwardSpec | None = None


class PidSpec(_Gains, _Manner):
    """Gains in output unit per input unit (ki also per second, kd times second); negative acts in reverse."""


class GainsSpec(_Gains):
    """The gains where the device is at one point."""

    at: Quantity = Field(description="Where they hold, in the unit of what they go by")


class ScheduledSpec(_Manner):
    """A PID controller whose gains go by where the device is."""

    by: str = Field(description="What they go by: a signal, `setpoint`, or `measured`, what the loop reads")
    gains: list[GainsSpec] = Field(
        min_length=2, description="Gains at several points; between two they are on a straight line"
    )


class OnOffSpec(_Spec):
    """Two values of the output: one below the setpoint, the other above it."""

    output_on: Quantity = Field(description="The output while it is on")
    output_off: Quantity = Field(description="The output while it is off")
    hysteresis: Quantity = Field(description="Width of the band around the setpoint in which nothing changes")
    on_when: Literal["below", "above"] = Field(
        "below",
        description="below: on while it is too low (heating); above: while it is too high (cooling)",
    )
    min_on: Quantity = Field(0.0, description="How long it stays on at least")
    min_off: Quantity = Field(0.0, description="How long it stays off at least")


class LqrSpec(_Spec):
    """A linear-quadratic regulator on the model of a twin."""

    twin: Name | None = Field(
        default=None,
        description="Whose model; without: the one that has the loop's signals as output and input",
    )
    error: Quantity = Field(description="An error this large costs as much as ...")
    effort: Quantity = Field(description="... an output this far from what holds the setpoint")
    integral: Quantity = Field("5 s", description="How quickly what the model misses is made up for")


class MpcSpec(LqrSpec):
    """Model-predictive control on the model of a twin."""

    horizon: Quantity = Field(description="How far it looks ahead, for example 10 s")
    bounds: dict[SignalPath, tuple[Quantity, Quantity]] = Field(
        default_factory=dict, description="What else the twin measures, and between what it is to stay"
    )


class RelaySpec(_Spec):
    """A relay experiment; `testbed tune` puts one in the place of a loop's controller."""

    low: Quantity = Field(description="The least that the output may be")
    high: Quantity = Field(description="The most that the output may be")
    step: Quantity = Field(description="How far it goes to either side once it is known around what")
    hysteresis: Quantity | None = Field(
        default=None, description="By how much the setpoint has to be passed; without: by the noise"
    )
    reverse: bool = Field(default=False, description="More output gives less of what is measured")
    least: Quantity | None = Field(default=None, description="It ends when less than this is measured")
    most: Quantity | None = Field(default=None, description="It ends when more than this is measured")
    cycles: int = Field(3, ge=2, description="How many cycles have to be alike")


class ControllerSpec(_Spec):
    """How a loop computes its command: exactly one kind of controller."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )

    pid: PidSpec | None = None
    scheduled: ScheduledSpec | None = None
    on_off: OnOffSpec | None = None
    lqr: LqrSpec | None = None
    mpc: MpcSpec | None = None
    relay: RelaySpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1 or self.chosen is None:
            raise ValueError(f"takes one kind of controller: {', '.join(type(self).model_fields)}")
        return self

    @property
    def kind(self) -> str:
        """The key under which its settings stand."""
        return next(iter(self.model_fields_set))

    @property
    def chosen(self) -> Any:
        """The settings of the kind that was chosen."""
        return getattr(self, self.kind)
