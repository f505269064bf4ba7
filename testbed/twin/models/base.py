"""What every model is: a state that is advanced by inputs and drawn towards what is measured."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import ClassVar, Protocol, cast

from testbed.bench.problems import nearest
from testbed.errors import UsageError

GROUP = "testbed.models"

_OURS = {"thermal": "testbed.twin.models.thermal:ThermalModel"}


class Model(Protocol):
    """Predicts one output of a device from its inputs; units are those that its docstring names."""

    INPUTS: ClassVar[tuple[str, ...]]
    PARAMETERS: ClassVar[tuple[str, ...]]

    def __init__(self, parameters: Mapping[str, float]) -> None:
        """Begin without a state; parameters not given keep their nominal values."""

    def step(self, seconds: float, inputs: Mapping[str, float]) -> float:
        """Advance by `seconds` under constant inputs and return the predicted output."""

    def correct(self, measured: float, seconds: float) -> None:
        """Draw the state towards a measurement that came `seconds` after the one before."""


def model_class(kind: str) -> type[Model]:
    """Return the model called `kind`; raises UsageError naming the nearest one known."""
    if kind in _OURS:
        module, _, name = _OURS[kind].partition(":")
        return cast(type[Model], getattr(importlib.import_module(module), name))
    points = list(entry_points(group=GROUP))
    found = [point for point in points if point.name == kind]
    if len(found) == 1:
        return cast(type[Model], found[0].load())
    raise UsageError(f"no model is called {kind!r}: {nearest(kind, [*_OURS, *(p.name for p in points)])}")
