"""The twins of a bench: what feeds each model, and the signals in which it says what it thinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.signals import Signal

from .device import Device
from .twin_spec import TwinFilter, TwinLevel


@dataclass(frozen=True)
class TwinSensor:
    """A signal that measures an output of a model, and those in which the twin says what it expects of it.

    `lag` is in s; `noise` and `resolution` in the signal's unit, `noise` None if the model's own is meant.
    """

    output: str | None
    """Name of the model's output, None for its first."""
    signal: Signal
    prediction: Signal
    sigma: Signal
    """One standard deviation of measured less predicted, as the twin expects it."""
    residual: Signal
    lag: float = 0.0
    noise: float | None = None
    resolution: float = 0.0


@dataclass(frozen=True)
class Excite:
    """A question to the device: the setpoint of a loop moves by so much, in its unit, for so many ns."""

    loop: str
    by: float
    unit: str
    lasts_ns: int


@dataclass(frozen=True)
class Wear:
    """A parameter whose part is worn out beyond a limit; the limit is a quantity in any fitting unit."""

    parameter: str
    above: bool
    limit: str


@dataclass(frozen=True)
class LearnPlan:
    """What may be found to have changed: parameters by name, sensors by path; `trial` in s."""

    parameters: tuple[str, ...]
    sensors: tuple[str, ...]
    trial: float
    excite: Excite | None = None
    wears: tuple[Wear, ...] = ()


@dataclass(frozen=True)
class Foresight:
    """A limit of what a sensor measures; its signals tell in how many s it will be reached, and how sure.

    `sensor` is a number among those of the model, `limit` in the unit of its signal.
    """

    text: str
    sensor: int
    limit: float
    above: bool
    seconds: Signal
    sigma: Signal


@dataclass(frozen=True)
class ModelPart:
    """A part of a composed model."""

    kind: str
    parameters: dict[str, float]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class TwinModel:
    """A model beside a device: through which sensors it is followed, and what acts on it."""

    kind: str
    sensors: tuple[TwinSensor, ...]
    inputs: dict[str, Signal]
    parameters: dict[str, float]
    estimates: Mapping[str, Signal]
    """Outputs that nobody measures, and the signals that they become."""
    period_ns: int = 0
    """Least time between two samples of a sensor that are taken; 0: all are."""
    learns: LearnPlan | None = None
    foresees: tuple[Foresight, ...] = ()
    filter: TwinFilter = TwinFilter.EKF
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What that kind of model takes beside parameters: `file` as a path, `parts` as models by name."""

    def files(self) -> Iterator[Path]:
        """Give the files that it is read from."""
        for each in (self, *self.settings.get("parts", {}).values()):
            if "file" in each.settings:
                yield each.settings["file"]

    def sensor(self, path: str) -> TwinSensor | None:
        """Return the sensor that measures, predicts or differs by the signal at `path`, if one does."""
        for each in self.sensors:
            if path in (each.signal.path, each.prediction.path, each.sigma.path, each.residual.path):
                return each
        return None


@dataclass(frozen=True)
class Twin:
    """The twin of one device."""

    device: Device
    level: TwinLevel
    model: TwinModel | None = None
