"""Units, resolved once at load with pint and never on the hot path."""

from __future__ import annotations

import functools
import re
from typing import Any

# pint takes a third of a second to import: only files that hold quantities pay for it.

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def _pint_name(unit: str) -> str:
    """Spell a unit the way pint knows it."""
    return unit.replace("%RH", "percent").replace("%", "percent").strip()


@functools.cache
def _parse(unit: str) -> Any:
    try:
        return _registry().Unit(_pint_name(unit))
    except Exception as error:  # pint raises several unrelated types here
        raise ValueError(f"{unit!r} is no unit that pint knows") from error


def check_unit(unit: str) -> str:
    """Return `unit` as written; raises ValueError when pint does not know it."""
    _parse(unit)
    return unit


def split_quantity(text: str | float) -> tuple[float, str]:
    """Split "60 degC" into (60.0, "degC"); a bare number has the unit "". Raises ValueError."""
    if isinstance(text, bool):
        raise ValueError(f"{text!r} is no quantity")
    if isinstance(text, (int, float)):
        return float(text), ""
    match = _QUANTITY.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no quantity; write a number and a unit, for example 60 degC")
    return float(match[1]), match[2]


def convert(text: str | float, unit: str, *, difference: bool = False) -> float:
    """Return the number of a quantity in `unit`; a bare number is taken to be in `unit` already.

    With `difference` a temperature is an interval (a tolerance, an error), so 1 K is 1 degC.
    Raises ValueError when the units do not fit each other.
    """
    value, given = split_quantity(text)
    if not given or given == unit:
        return value
    source, target = _parse(given), _parse(unit)
    if source == target:
        return value
    registry = _registry()
    if difference and source.dimensionality == registry.kelvin.dimensionality:
        source, target = _interval(source), _interval(target)
    if source.dimensionality != target.dimensionality:
        raise ValueError(
            f"{text!r} does not fit: expected {unit or 'no unit'}, and {given!r} is another quantity"
        )
    return float(registry.Quantity(value, source).to(target).magnitude)


def difference_unit(unit: str) -> str:
    """Return the unit of differences between two values in `unit`: 1 degC would read like a temperature."""
    return {"degC": "K", "degF": "delta_degF"}.get(unit, unit)


def _interval(unit: Any) -> Any:
    """Return the unit of temperature differences that belongs to a unit of temperature."""
    registry = _registry()
    offsets = {registry.degC: registry.delta_degC, registry.degF: registry.delta_degF}
    return offsets.get(unit, unit)


def seconds(text: str | float) -> float:
    """Return a duration in seconds."""
    return convert(text, "s")


def hertz(text: str | float) -> float:
    """Return a rate in Hz."""
    return convert(text, "Hz")


def scale(given: str, wanted: str, *, difference: bool = False) -> tuple[float, float]:
    """Return (factor, offset): a number in `given` times factor plus offset is that number in `wanted`.

    Raises ValueError when the units do not fit each other.
    """
    if given == wanted or not (given and wanted):
        return 1.0, 0.0
    zero, one = (convert(f"{value!r} {given}", wanted, difference=difference) for value in (0.0, 1.0))
    return one - zero, zero
