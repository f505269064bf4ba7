"""What every model is: a state that is advanced by inputs and drawn towards what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, cast

from testbed.bench.plugins import find_part

GROUP = "testbed.models"

_OURS = {"thermal": "testbed.twin.models.thermal:ThermalModel"}


class Model(Protocol):
    """Predicts one output of a device from its inputs; units are those that its docstring names."""

    INPUTS: ClassVar[tuple[str, ...]]
    PARAMETERS: ClassVar[tuple[str, ...]]

    parameters: Mapping[str, float]
    """All parameters, with the values that it works with."""

    def __init__(self, parameters: Mapping[str, float]) -> None:
        """Begin without a state; parameters not given keep their nominal values."""

    def step(self, seconds: float, inputs: Mapping[str, float]) -> float:
        """Advance by `seconds` under constant inputs and return the predicted output."""

    def correct(self, measured: float, seconds: float) -> None:
        """Draw the state towards a measurement that came `seconds` after the one before."""

    def state(self) -> Mapping[str, float]:
        """Return the state, name to number, NaN where it is not known yet; recordings keep it."""


def model_class(kind: str) -> type[Model]:
    """Return the model called `kind`; raises UsageError naming the nearest one known."""
    return cast(type[Model], find_part(GROUP, _OURS, kind, "no model is called"))
