"""What every emulator is: the device's side of a real wire, over a store of the device's values.

An emulator speaks the protocol of its profile and knows nothing of physics: reads come from its
`Store`, writes go to it, and the world (see world.py) moves values between stores and the plant.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from testbed.bench.device import Device
from testbed.bench.profile import Quantity
from testbed.clock import Clock
from testbed.signals import Event

from .places import Places

Watcher = Callable[[str, float], None]


class Store:
    """The present values of a device's signals, by name, in the profile's units."""

    def __init__(self, device: Device) -> None:
        self._values = {name: signal.safe or 0.0 for name, signal in device.signals.items()}
        self._watchers: list[Watcher] = []

    def read(self, name: str) -> float:
        """Return a value; raises KeyError for an unknown signal."""
        return self._values[name]

    def set(self, name: str, value: float) -> None:
        """Set a value from the inside (the plant moved it); nobody is told."""
        self._values[name] = value

    def command(self, name: str, value: float) -> None:
        """Set a value from the wire (the controller wrote it); watchers are told."""
        self._values[name] = value
        for watcher in self._watchers:
            watcher(name, value)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher(name, value)` for every value that the wire writes."""
        self._watchers.append(watcher)


@dataclass(frozen=True)
class EmulatedDevice:
    """A device and what it holds."""

    device: Device
    store: Store


class Plug(Protocol):
    """What an emulated device hangs on, to be pulled on purpose."""

    def plug(self) -> None:
        """Make the device reachable again; nothing happens when it is."""

    def unplug(self) -> None:
        """Cut the device off as a pulled cable does; nothing happens when it is."""


class Breakable(Protocol):
    """An emulated device that faults.py knows how to break."""

    async def break_(self, fault: str, parameters: Mapping[str, Quantity]) -> None:
        """Begin a fault of the catalogue; raises UsageError when this device cannot have it."""

    async def mend(self, fault: str) -> None:
        """End it, if it is one that lasts."""


@dataclass(frozen=True)
class EmulatorContext:
    """What an emulator may use: time, chance, and the places where its devices are plugged in.

    An emulator whose wires can be pulled one by one enters each device's plug in `plugs`, by name,
    before it calls ready; one whose devices can be broken in other ways enters them in `breakables`.
    `tell` takes what people should know; `log` the same as mere text.
    """

    clock: Clock
    random: random.Random
    places: Places
    log: Callable[[str], None] = field(default=lambda text: None)
    plugs: dict[str, Plug] = field(default_factory=dict)
    tell: Callable[[Event], None] = field(default=lambda event: None)
    breakables: dict[str, Breakable] = field(default_factory=dict)


Ready = Callable[[str, str], None]
"""Called once a device with its name and the wire (a URL) at which it now answers."""

Serve = Callable[[Sequence[EmulatedDevice], EmulatorContext, Ready], Awaitable[None]]
"""Answers for all devices of one protocol until cancelled; every protocol module has one as `serve`."""
