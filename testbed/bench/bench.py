"""A bench, resolved: names looked up, units turned into plain numbers, signals numbered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from testbed.signals import Signal

from .boards import PlannedFault
from .controllers import ControllerPlan
from .device import Device
from .document import Document
from .expectation import Expectation
from .guard import GuardPlan
from .influxdb import Influxdb
from .mqtt_store import MqttStore
from .problems import BenchFileError, Problem
from .radio import LorawanSpec
from .setpoints import Moving
from .spec import PlantSpec
from .twins import Twin, TwinSensor


@dataclass(frozen=True)
class Loop:
    """A closed loop; `setpoint` is in the unit of `reads`, times in ns.

    One that is `moving` is also a signal; `setpoint` is then where it begins, or where its course ends.
    """

    name: str
    reads: Signal
    writes: Signal
    controller: ControllerPlan
    setpoint: float
    period_ns: int
    stale_after_ns: int
    moving: Moving | None = None


@dataclass(frozen=True)
class Bench:
    """Everything that one file declares, ready to be built.

    `signals` is every signal by its number: those of the devices in file order, then those that twins
    add, then the setpoints of loops that move.
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
    lorawan: LorawanSpec = field(default_factory=LorawanSpec)
    text: str | None = field(default=None, repr=False, compare=False)
    """What the file was taken to say, where that is not what it says."""

    @cached_property
    def by_path(self) -> dict[str, Signal]:
        """Every signal by its path, device.signal."""
        return {signal.path: signal for signal in self.signals}

    @cached_property
    def setpoints(self) -> dict[str, Loop]:
        """The loops whose setpoints are signals, by the paths of these."""
        return {loop.moving.signal.path: loop for loop in self.loops.values() if loop.moving is not None}

    @cached_property
    def said_by_twins(self) -> frozenset[str]:
        """The paths of the signals in which twins say what they think."""
        own = {signal.path for device in self.devices.values() for signal in device.signals.values()}
        return frozenset(self.by_path.keys() - own - self.setpoints.keys())

    @cached_property
    def twin_sensors(self) -> dict[str, TwinSensor]:
        """What twins expect of signals, by the path of the signal."""
        models = [twin.model for twin in self.twins.values() if twin.model is not None]
        return {sensor.signal.path: sensor for model in models for sensor in model.sensors}


class FaultyBench(BenchFileError):
    """A bench file with mistakes; `partial` is the bench as far as it could be resolved all the same."""

    def __init__(self, problems: Iterable[Problem], partial: Bench) -> None:
        super().__init__(problems)
        self.partial = partial
