"""What every plant is: named inputs, named outputs, and a step in time."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import ClassVar, Protocol, cast

from testbed.bench.problems import nearest
from testbed.errors import UsageError

GROUP = "testbed.plants"

_OURS = {"thermal-chamber": "testbed.plants.thermal_chamber:ThermalChamber"}


class Plant(Protocol):
    """Physics with a state of its own; all numbers in the units that its docstring names."""

    INPUTS: ClassVar[tuple[str, ...]]
    OUTPUTS: ClassVar[tuple[str, ...]]
    PARAMETERS: ClassVar[tuple[str, ...]]

    def __init__(self, parameters: Mapping[str, float]) -> None:
        """Begin at rest; parameters not given keep their defaults."""

    def set(self, name: str, value: float) -> None:
        """Set an input; it holds until it is set again."""

    def step(self, seconds: float) -> None:
        """Advance by `seconds`."""

    def output(self, name: str) -> float:
        """Return the present value of an output."""


def plant_class(model: str) -> type[Plant]:
    """Return the plant called `model`; raises UsageError naming the nearest one known."""
    if model in _OURS:
        module, _, name = _OURS[model].partition(":")
        return cast(type[Plant], getattr(importlib.import_module(module), name))
    points = list(entry_points(group=GROUP))
    found = [point for point in points if point.name == model]
    if len(found) == 1:
        return cast(type[Plant], found[0].load())
    known = [*_OURS, *(point.name for point in points)]
    raise UsageError(f"no plant is called {model!r}: {nearest(model, known)}")
