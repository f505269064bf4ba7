"""Looks up the names and converts the quantities of a bench file, noting every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from testbed.signals import Signal

from . import units
from .document import Document, Path_
from .problems import Problem, nearest
from .profile import Quantity

Value = TypeVar("Value")


class Lookup:
    """What is known of a bench so far: its signals by path, and all that is wrong with its file."""

    def __init__(self, document: Document, devices: Collection[str]) -> None:
        self.document = document
        self.devices = devices
        self.problems: list[Problem] = []
        self.signals: list[Signal] = []
        self.by_path: dict[str, Signal] = {}
        # A device that failed to load must not make every mention of it an error of its own.
        self.broken: set[str] = set()

    def add(self, *signals: Signal) -> None:
        """Make signals known."""
        self.signals += signals
        self.by_path.update({signal.path: signal for signal in signals})

    def signal(self, path: Path_, name: str, *, key: bool = False) -> Signal | None:
        """Return the signal called `name`; None, with a problem at `path`, when there is none."""
        if name in self.by_path:
            return self.by_path[name]
        device, _, signal = name.partition(".")
        if device in self.broken:
            return None
        if device not in self.devices:
            self.problem(path, f"no device is called {device!r}", nearest(device, self.devices), key=key)
            return None
        own = [each.name for each in self.signals if each.device == device]
        self.problem(path, f"{device} has no signal {signal!r}", nearest(signal, own), key=key)
        return None

    def writable(self, path: Path_, name: str, *, key: bool = False) -> Signal | None:
        """Return the signal called `name` if commands may be given to it."""
        signal = self.signal(path, name, key=key)
        if signal is None or signal.writable:
            return signal
        own = [each.name for each in self.signals if each.device == signal.device and each.writable]
        self.problem(path, f"{name} cannot be written", nearest(signal.name, own), key=key)
        return None

    def convert(
        self, path: Path_, quantity: Quantity | bool, unit: str, *, difference: bool = False
    ) -> float | None:
        """Return a quantity in `unit`; None, with a problem at `path`, when it does not fit."""
        value = float(quantity) if isinstance(quantity, bool) else quantity
        return self.attempt(path, lambda: units.convert(value, unit, difference=difference))

    def positive(self, path: Path_, quantity: Quantity, unit: str) -> float | None:
        """Return a quantity above 0 in `unit`."""
        value = self.convert(path, quantity, unit)
        if value is not None and not value > 0:
            self.problem(path, f"must be above 0 {unit}, not {quantity}")
            return None
        return value

    def within_limits(self, path: Path_, signal: Signal, value: float) -> None:
        """Note a problem when a value is outside the limits of its signal."""
        if signal.limits and not signal.limits[0] <= value <= signal.limits[1]:
            low, high = signal.limits
            self.problem(path, f"{value:g} is outside {low:g} to {high:g} {signal.unit}".rstrip())

    def attempt(self, path: Path_, action: Callable[[], Value]) -> Value | None:
        """Return what `action` gives; a ValueError becomes a problem at `path`."""
        try:
            return action()
        except ValueError as error:
            self.problem(path, str(error))
            return None

    def problem(self, path: Path_, message: str, hint: str = "", *, key: bool = False) -> None:
        """Note a problem at the value (or the key) of `path`."""
        self.problems.append(self.document.problem(path, message, hint, key=key))
