"""A bench, resolved: names looked up, units turned into plain numbers, signals numbered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from testbed.signals import Signal

from .boards import PlannedFault
from .device import Device
from .document import Document
from .expectation import Expectation
from .guard import GuardPlan
from .influxdb import Influxdb
from .mqtt_store import MqttStore
from .problems import BenchFileError, Problem
from .spec import PidSpec, PlantSpec, TwinLevel


@dataclass(frozen=True)
class Loop:
    """A closed loop; `setpoint` is in the unit of `reads`, times in ns."""

    name: str
    reads: Signal
    writes: Signal
    pid: PidSpec
    setpoint: float
    period_ns: int
    stale_after_ns: int


@dataclass(frozen=True)
class TwinModel:
    """A model beside a device: what it predicts, from which signals, and where it says so."""

    kind: str
    predicts: Signal
    prediction: Signal
    residual: Signal
    inputs: dict[str, Signal]
    parameters: dict[str, float]


@dataclass(frozen=True)
class Twin:
    """The twin of one device."""

    device: Device
    level: TwinLevel
    model: TwinModel | None = None


@dataclass(frozen=True)
class Bench:
    """Everything that one file declares, ready to be built.

    `signals` is every signal by its number: those of the devices in file order, then those that twins
    add.
    """

    name: str
    file: Path
    devices: dict[str, Device]
    signals: tuple[Signal, ...]
    twins: dict[str, Twin]
    loops: dict[str, Loop]
    expectations: tuple[Expectation, ...]
    plant: PlantSpec | None
    seed: int
    document: Document = field(repr=False, compare=False)
    faults: tuple[PlannedFault, ...] = ()
    influxdb: Influxdb | None = None
    guard: GuardPlan = field(default_factory=GuardPlan)
    mqtt: MqttStore | None = None

    @cached_property
    def by_path(self) -> dict[str, Signal]:
        """Every signal by its path, device.signal."""
        return {signal.path: signal for signal in self.signals}


class FaultyBench(BenchFileError):
    """A bench file with mistakes; `partial` is the bench as far as it could be resolved all the same."""

    def __init__(self, problems: Iterable[Problem], partial: Bench) -> None:
        super().__init__(problems)
        self.partial = partial
