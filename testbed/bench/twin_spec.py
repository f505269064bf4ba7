"""The shape of a bench file's `twins` section: how far each twin goes, and what model it follows."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .names import Name, SignalPath
from .profile import Quantity


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TwinLevel(StrEnum):
    """How far a twin goes; one below `integrated` cannot write."""

    MIRROR = "mirror"
    SIMULATION = "simulation"
    INTEGRATED = "integrated"


class TwinFilter(StrEnum):
    """How a twin estimates the state of its model."""

    EKF = "ekf"
    UKF = "ukf"


class TwinSensorSpec(_Spec):
    """What is known of a sensor that a twin listens to."""

    lag: Quantity = Field(0.0, description="Time constant of its first-order lag, for example 0.5 s")
    resolution: Quantity = Field(0.0, description="The least step between two of its values")
    noise: Quantity | None = Field(
        None, description="Standard deviation of a sample; without: what is usual of the model's output"
    )


class ExciteSpec(_Spec):
    """How a twin may ask, when the data do not tell which of several things has changed."""

    loop: Name = Field(description="The loop whose setpoint it moves")
    by: Quantity = Field(description="How far")
    for_: Quantity = Field(alias="for", description="How long")


class LearnSpec(_Spec):
    """What a twin may find to have changed, and how sure it has to be."""

    parameters: list[Name] = Field(
        default_factory=list, description="Parameters of the model that may change while it runs"
    )
    sensors: list[SignalPath] = Field(
        default_factory=list, description="Sensors that may come to read too high or too low"
    )
    excite: ExciteSpec | None = Field(
        default=None, description="Let an integrated twin move a setpoint for a moment where data do not tell"
    )
    wears: dict[Name, str] = Field(
        default_factory=dict,
        description="By parameter, the limit at which its part is worn out: above 3, or below 350 W",
    )
    trial: Quantity = Field(
        "10 s", description="Data that come after, on which a new version has to do better than the old"
    )


class PartSpec(_Spec):
    """One part of a composed model."""

    model: str = Field(description="A model, for example thermal")
    file: str | None = Field(default=None, description="What it is read from, in the bench file's folder")
    settings: dict[str, Any] = Field(default_factory=dict, description="What else that kind of model takes")
    parameters: dict[Name, float] = Field(default_factory=dict)


class TwinSpec(_Spec):
    """The virtual copy of a device; every device has a mirroring one even if it is not named."""

    level: TwinLevel | None = Field(
        default=None, description="How far it goes; without: simulation if it has a model, else mirror"
    )
    model: str | None = Field(default=None, description="A model that predicts, for example thermal")
    file: str | None = Field(
        default=None,
        description="What the model is read from, for example an FMU, in the bench file's folder",
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="What else that kind of model takes")
    parts: dict[Name, PartSpec] = Field(default_factory=dict, description="model: composed: models by name")
    connect: dict[SignalPath, SignalPath] = Field(
        default_factory=dict, description="model: composed: input of a part: the output of another, part.name"
    )
    sums: dict[Name, list[SignalPath]] = Field(
        default_factory=dict,
        description="model: composed: outputs of its own, each a sum of outputs of parts",
    )
    predicts: Name | None = Field(
        default=None, description="The signal of the device that the model's first output predicts"
    )
    outputs: dict[Name, SignalPath | list[SignalPath]] = Field(
        default_factory=dict,
        description="model output: the device.signal that measures it, or a list",
    )
    inputs: dict[Name, SignalPath] = Field(default_factory=dict, description="model input: device.signal")
    estimates: dict[Name, str] = Field(
        default_factory=dict,
        description="unmeasured model output: unit of the signal DEVICE.OUTPUT_estimated that it gets",
    )
    foresees: dict[Name, str] = Field(
        default_factory=dict,
        description="By name, a limit whose time to come is told: probe.temperature above 84 degC",
    )
    sensors: dict[SignalPath, TwinSensorSpec] = Field(
        default_factory=dict, description="What is known of those that measure the outputs, by device.signal"
    )
    rate: Quantity | None = Field(
        default=None, description="Samples a second that the model takes of a sensor at most; without: all"
    )
    filter: TwinFilter = Field(
        default=TwinFilter.EKF, description="How the state is estimated: ekf by slopes, ukf by points"
    )
    parameters: dict[Name, float] = Field(default_factory=dict)
    learns: LearnSpec | None = Field(
        default=None, description="Find out what has changed when the model no longer fits, and follow it"
    )
