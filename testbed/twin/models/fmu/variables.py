"""What an FMU says of its variables, as ours: names, units, bounds, and where each number lives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

from testbed.bench.problems import nearest

from ..base import Variable

_NUMBERS = {
    "Real", "Integer", "Enumeration", "Boolean", "Float64", "Float32",
    "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64",
}  # fmt: skip
_CONTINUOUS = {"Real", "Float64", "Float32"}
_POWER = re.compile(r"(?<=[A-Za-z])(-?\d+)")

# Of a usual quantity, in its nominal size: FMI knows no noise, these are of the size of our own models'.
_WANDER, _NOISE = 0.01, 0.05


class Element(NamedTuple):
    """One number of an FMU: a scalar variable, or an element of an array variable."""

    variable: Any
    """fmpy's ModelVariable."""
    at: int
    what: Variable

    @property
    def discrete(self) -> bool:
        """Return whether it may change at events only."""
        return self.variable.type not in _CONTINUOUS or self.variable.variability == "discrete"

    @property
    def settable_first(self) -> bool:
        """Return whether it may be set before the FMU is initialised."""
        return self.variable.initial in ("exact", "approx")


class Layout(NamedTuple):
    """The variables of an FMU by what they are to a model."""

    states: tuple[Element, ...]
    inputs: tuple[Element, ...]
    outputs: tuple[Element, ...]
    parameters: tuple[Element, ...]


def layout(description: Any, noises: dict[str, float]) -> Layout:
    """Return the variables of a model description; `noises` replaces what is usual, by name.

    Raises ValueError for a noise of what there is not.
    """
    of = _by_causality(description)
    derivatives = [unknown.variable for unknown in description.derivatives]
    states = [variable.derivative for variable in derivatives if variable.derivative is not None]
    found = Layout(
        tuple(_elements(states, noises, _WANDER)),
        tuple(_elements(of("input"), {}, 0.0)),
        tuple(_elements(of("output"), noises, _NOISE)),
        tuple(_elements(of("parameter"), noises, 0.0)),
    )
    known = [each.what.name for each in (*found.states, *found.outputs, *found.parameters)]
    for name in noises:
        if name not in known:
            hint = nearest(name, known)
            raise ValueError(f"no state, output or parameter is called {name!r}{hint and f'; {hint}'}")
    return found


def remembers_more(description: Any) -> bool:
    """Return whether there may be memory beside the continuous states: something discrete, or events."""
    events = description.numberOfEventIndicators or description.eventIndicators
    return bool(events) or any(
        variable.variability == "discrete" and variable.causality != "input"
        for variable in description.modelVariables
    )


def plain_unit(unit: str | None) -> str:
    """Return a unit as we write it: FMUs write kg.m2 and W/(m2.K) (FMI 3.0, section 2.4.4)."""
    if not unit or unit == "1":
        return ""
    return _POWER.sub(r"**\1", unit.replace(".", "*"))


def _by_causality(description: Any) -> Any:
    def of(causality: str) -> Iterator[Any]:
        return (
            variable
            for variable in description.modelVariables
            if variable.causality == causality
            and variable.type in _NUMBERS
            and variable.variability != "constant"
        )

    return of


def _elements(variables: Iterable[Any], noises: dict[str, float], noise: float) -> Iterator[Element]:
    for variable in variables:
        shape = variable.shape or ()
        starts = str(variable.start or "0").split()
        for index, place in enumerate(product(*map(range, shape))):
            ending = f"[{','.join(str(at + 1) for at in place)}]" if shape else ""
            start = starts[index] if index < len(starts) else starts[-1]
            yield Element(variable, index, _variable(variable, ending, start, noises, noise))


def _variable(variable: Any, ending: str, start: str, noises: dict[str, float], noise: float) -> Variable:
    declared = variable.declaredType
    name = variable.name + ending

    def told(attribute: str) -> Any:
        own = getattr(variable, attribute)
        return own if own is not None or declared is None else getattr(declared, attribute)

    size = abs(_number(told("nominal"), 1.0)) or 1.0
    return Variable(
        name,
        plain_unit(told("unit")),
        variable.description or "",
        _number(start, 0.0),
        _number(told("min"), 0.0 if variable.type == "Boolean" else -math.inf),
        _number(told("max"), 1.0 if variable.type == "Boolean" else math.inf),
        noises.get(name, noise * size),
    )


def _number(text: Any, otherwise: float) -> float:
    if text is None:
        return otherwise
    if isinstance(text, str) and text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    return float(text)
