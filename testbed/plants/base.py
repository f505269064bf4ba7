"""What every plant is: named inputs, named outputs, and a step in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, cast, runtime_checkable

from testbed.bench.faults import Fault
from testbed.bench.plugins import find_part

GROUP = "testbed.plants"

_OURS = {
    "recording": "testbed.plants.recording:Recording",
    "thermal-chamber": "testbed.plants.thermal_chamber:ThermalChamber",
}


class Plant(Protocol):
    """Physics with a state of its own; all numbers in the units that its docstring names."""

    INPUTS: ClassVar[tuple[str, ...]]
    OUTPUTS: tuple[str, ...]
    PARAMETERS: ClassVar[tuple[str, ...]]

    parameters: Mapping[str, float]
    """All parameters, with the values that it works with."""

    def __init__(self, parameters: Mapping[str, float]) -> None:
        """Begin at rest; parameters not given keep their defaults."""

    def set(self, name: str, value: float) -> None:
        """Set an input; it holds until it is set again."""

    def step(self, seconds: float) -> None:
        """Advance by `seconds`."""

    def output(self, name: str) -> float:
        """Return the present value of an output."""


@runtime_checkable
class BreakablePlant(Protocol):
    """A plant in which something can be broken on purpose."""

    FAULTS: ClassVar[Mapping[str, Fault]]
    """What, by name."""

    def break_(self, fault: str, told: Mapping[str, float | str]) -> None:
        """Begin a fault; `told` are its parameters in plain numbers."""

    def mend(self, fault: str) -> None:
        """End it."""


def plant_class(model: str) -> type[Plant]:
    """Return the plant called `model`; raises UsageError naming the nearest one known."""
    return cast(type[Plant], find_part(GROUP, _OURS, model, "no plant is called"))
