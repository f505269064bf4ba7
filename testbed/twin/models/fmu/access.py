"""Reads and writes numbers of an FMU: one call a type, through buffers that are made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from .variables import Element


class _Group(NamedTuple):
    """All variables of one type: where their numbers stand among all, and the calls that move them."""

    places: tuple[int, ...]
    get: Callable[..., Any]
    set: Callable[..., Any]
    arguments: tuple[Any, ...]
    buffer: Any
    make: Callable[[float], Any]


class Access:
    """Some variables of an instance, in the order in which they are given; raises what fmpy raises."""

    def __init__(self, fmu: Any, elements: Sequence[Element], version: int) -> None:
        kinds = sorted(range(len(elements)), key=lambda at: (_type(elements[at], version), at))
        self._groups = [
            _group(fmu, version, kind, list(places), elements)
            for kind, places in groupby(kinds, key=lambda at: _type(elements[at], version))
        ]
        self._count = len(elements)
        self._whole = len(self._groups) == 1 and self._groups[0].make is float

    def read(self) -> tuple[float, ...]:
        """Return the numbers as they are now."""
        if self._whole:
            group = self._groups[0]
            group.get(*group.arguments)
            return tuple(group.buffer)
        values = [0.0] * self._count
        for group in self._groups:
            group.get(*group.arguments)
            for place, value in zip(group.places, group.buffer, strict=True):
                values[place] = float(value)
        return tuple(values)

    def write(self, values: Sequence[float]) -> None:
        """Set the numbers; whole ones and truths are rounded."""
        for group in self._groups:
            make = group.make
            group.buffer[:] = [make(values[place]) for place in group.places]
            group.set(*group.arguments)


def _type(element: Element, version: int) -> str:
    kind = str(element.variable.type)
    if kind == "Enumeration":
        return "Integer" if version == 2 else "Int64"
    return kind


def _group(fmu: Any, version: int, kind: str, places: list[int], elements: Sequence[Element]) -> _Group:
    from fmpy import fmi2, fmi3

    module: Any = fmi2 if version == 2 else fmi3
    number = getattr(module, f"fmi{version}{kind}")
    # An array is one reference with many numbers; aliases are several references to one number.
    references = [elements[place].variable.valueReference for place in places if elements[place].at == 0]
    referred = (getattr(module, f"fmi{version}ValueReference") * len(references))(*references)
    buffer = (number * len(places))()
    arguments: tuple[Any, ...] = (fmu.component, referred, len(references), buffer)
    if version > 2:
        arguments = (*arguments, len(places))
    get, set_ = (getattr(fmu, f"fmi{version}{verb}{kind}") for verb in ("Get", "Set"))
    if kind in ("Real", "Float64", "Float32"):
        return _Group(tuple(places), get, set_, arguments, buffer, float)
    if kind == "Boolean":
        return _Group(tuple(places), get, set_, arguments, buffer, lambda value: int(value > 0.5))
    return _Group(tuple(places), get, set_, arguments, buffer, round)
