"""Inputs and outputs of parts: found by name, and in the order in which outputs can be told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from testbed.bench.problems import nearest
from testbed.bench.units import scale

from ..base import Model


class Port(NamedTuple):
    """An input or output of a part, by number."""

    part: int
    at: int


class Feed(NamedTuple):
    """What an input is given: an input of outside by number, or an output, times `factor` plus `offset`."""

    source: int | Port
    factor: float
    offset: float


def find(text: str, parts: Mapping[str, Model], *, output: bool) -> Port:
    """Return the port called PART.NAME; raises ValueError with the nearest right name."""
    part, _, name = text.partition(".")
    if part not in parts:
        raise ValueError(f"no part is called {part!r}; {nearest(part, list(parts))}".rstrip("; "))
    known = [each.name for each in (parts[part].OUTPUTS if output else parts[part].INPUTS)]
    if name not in known:
        what = "output" if output else "input"
        raise ValueError(f"{part} has no {what} {name!r}; {nearest(name, known)}".rstrip("; "))
    return Port(list(parts).index(part), known.index(name))


def feeds_through(model: Model) -> list[set[int]]:
    """Return for each output which inputs it follows at once.

    A model may tell by a method of this name; else an input that is no number shows where it comes out.
    """
    told = getattr(model, "feeds_through", None)
    if told is not None:
        found: list[set[int]] = told()
        return found
    through: list[set[int]] = [set() for _ in model.OUTPUTS]
    calm = tuple(min(max(each.nominal, each.low), each.high) for each in model.INPUTS)
    state = model.begin((math.nan,) * len(model.OUTPUTS), calm)
    for at in range(len(calm)):
        said = model.output(state, (*calm[:at], math.nan, *calm[at + 1 :]))
        for number, value in enumerate(said):
            if math.isnan(value):
                through[number].add(at)
    return through


def order(parts: Mapping[str, Model], feeds: Mapping[Port, Port]) -> list[Port]:
    """Return all outputs, each after those that it follows at once.

    Raises ValueError naming an algebraic loop: outputs that follow each other at once in a circle.
    """
    needs: dict[Port, set[Port]] = {}
    for number, model in enumerate(parts.values()):
        for at, inputs in enumerate(feeds_through(model)):
            ports = (Port(number, each) for each in sorted(inputs))
            needs[Port(number, at)] = {feeds[port] for port in ports if port in feeds}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        names = [_name(parts, port) for port in error.args[1]]
        raise ValueError(
            f"{' -> '.join(names)} is an algebraic loop: each follows the one before at once;"
            " let a part between them remember"
        ) from None


def scaled(given: str, wanted: str, what: str, *, difference: bool = False) -> tuple[float, float]:
    """Return factor and offset from one unit to another; raises ValueError, beginning with `what`."""
    try:
        return scale(given, wanted, difference=difference)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def _name(parts: Mapping[str, Model], port: Port) -> str:
    name = list(parts)[port.part]
    return f"{name}.{parts[name].OUTPUTS[port.at].name}"
