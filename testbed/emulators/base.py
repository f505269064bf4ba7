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
from testbed.bench.radio import LorawanSpec
from testbed.clock import Clock
from testbed.signals import Event

from .places import Places

Watcher = Callable[[str, float], None]


class Store:
    """The present values of a device's signals, by name, in the profile's units."""

    def __init__(self, device: Device) -> None:
        self._first = {name: signal.safe or 0.0 for name, signal in device.signals.items()}
        self._values = dict(self._first)
        self._watchers: list[Watcher] = []
        self._bent: dict[str, Callable[[float], float]] = {}
        self._routes: dict[str, Callable[[float], None]] = {}

    def read(self, name: str) -> float:
        """Return a value; raises KeyError for an unknown signal."""
        value = self._values[name]
        return self._bent[name](value) if name in self._bent else value

    def read_all(self, names: Sequence[str]) -> list[float]:
        """Return several values, in the order of `names`; raises KeyError for an unknown signal."""
        if self._bent:
            return [self.read(name) for name in names]
        values = self._values
        return [values[name] for name in names]

    def set(self, name: str, value: float) -> None:
        """Set a value from the inside (the plant moved it); nobody is told."""
        self._values[name] = value

    def command(self, name: str, value: float) -> None:
        """Set a value from the wire (the controller wrote it); watchers are told."""
        self._values[name] = value
        if name in self._routes:
            self._routes[name](value)
        else:
            self.tell(name, value)

    def tell(self, name: str, value: float) -> None:
        """Tell the watchers that an actuator moved."""
        for watcher in self._watchers:
            watcher(name, value)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher(name, value)` for every value that the wire writes."""
        self._watchers.append(watcher)

    # Broken on purpose --------------------------------------------------------------------------

    def bend(self, name: str, seen: Callable[[float], float] | None) -> None:
        """Have a value read as `seen` gives it; None: as it is."""
        self._bent.pop(name, None)
        if seen is not None:
            self._bent[name] = seen

    def route(self, name: str, moved: Callable[[float], None] | None) -> None:
        """Hand what the wire writes to `moved`, not to the watchers; None: to them, the last value first."""
        if moved is not None:
            self._routes[name] = moved
        elif self._routes.pop(name, None) is not None:
            self.tell(name, self._values[name])

    def restart(self) -> None:
        """Hold again what the device starts with; actuators move there."""
        self._values.update(self._first)
        for name, value in self._first.items():
            self.tell(name, value)


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
    lorawan: LorawanSpec = field(default_factory=LorawanSpec)
    """Where gateways and devices of the emulated LoRaWAN network are."""


Ready = Callable[[str, str], None]
"""Called once a device with its name and the wire (a URL) at which it now answers."""

Serve = Callable[[Sequence[EmulatedDevice], EmulatorContext, Ready], Awaitable[None]]
"""Answers for all devices of one protocol until cancelled; every protocol module has one as `serve`."""
