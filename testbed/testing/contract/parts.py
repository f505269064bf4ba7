"""What names the device under test, and what every part of the contract uses."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import ClassVar

import pytest

from testbed.bench.device import Device
from testbed.bench.profile import Profile
from testbed.clock import Clock
from testbed.links.faulty import FaultyWire
from testbed.signals import Access, Quality

from .rig import DriverLog, Emulated, eventually, make_device


class Parts:
    """The parts of one device, and hooks for wires on which the defaults do not do."""

    profile: ClassVar[str | Profile]
    wire: ClassVar[str]
    readable: ClassVar[str]
    value: ClassVar[float]
    absent: ClassVar[str]

    @property
    def other(self) -> float:
        """Another value of the readable signal."""
        return self.value + 1

    tolerance: ClassVar[float] = 1e-6
    """How far a value may be off after the wire, relative to itself."""

    within: ClassVar[float] = 10.0
    """Seconds that one step (coming online, a sample, an acknowledgement) may take on this wire."""

    slow: ClassVar[float] = 0.05
    """Seconds by which a device that is merely slow answers late."""

    # Hooks --------------------------------------------------------------------------------------

    def absent_wire(self, emulated: Emulated) -> str:
        """Return a wire at which nothing answers, beside the emulated device."""
        return self.absent

    async def unplug(self, emulated: Emulated) -> None:
        """Cut the device off; must not wait for the driver to notice."""
        emulated.plugs["dut"].unplug()

    async def replug(self, emulated: Emulated) -> None:
        """Make the device reachable again."""
        emulated.plugs["dut"].plug()

    def device(self) -> Device:
        """Return the device under test as the bench file would declare it."""
        return make_device(self.profile, self.wire)

    def of_value(self, value: float) -> object:
        """Return what a value that went over the wire is compared with."""
        return pytest.approx(value, rel=self.tolerance)

    # For the tests ------------------------------------------------------------------------------

    async def hears(self, log: DriverLog, value: float) -> None:
        """Wait until the newest sample is good and has this value."""

        def heard() -> bool:
            newest = log.of(self.readable)[-1:]
            values = [each.value for each in newest if each.quality is Quality.GOOD]
            return values == [self.of_value(value)]

        await eventually(heard, f"{value} is heard", 2 * self.within)

    async def offline(self, log: DriverLog) -> None:
        """Wait until the driver has said that its device is gone."""
        await eventually(lambda: "offline" in log.kinds(), "the loss noticed", self.within)

    def all_bad(self, device: Device, log: DriverLog) -> bool:
        """Return whether every measured signal is bad now, without a value and with a reason."""
        newest = [log.of(name)[-1:] for name in self.measured(device)]
        return all(
            last and last[0].quality is Quality.BAD and math.isnan(last[0].value) and last[0].reason.strip()
            for last in newest
        )

    def measured(self, device: Device) -> list[str]:
        """Return the signals that the device reports."""
        return [name for name, signal in device.signals.items() if signal.access is not Access.WRITE]


class Wires(list[FaultyWire]):
    """Makes the wires that drivers get, and keeps them to be broken."""

    def __init__(self, *broken: tuple[str, Mapping[str, float | str]]) -> None:
        """Make wires that have these faults from the beginning."""
        self._broken = broken

    def __call__(self, clock: Clock) -> FaultyWire:
        """Make one."""
        wire = FaultyWire(clock, "dut")
        for fault, told in self._broken:
            wire.begin(fault, told, random.Random(1))
        self.append(wire)
        return wire
