"""Limits of measurements as test engineers keep them: in a CSV or a YAML file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.bench.units import convert
from testbed.errors import UsageError

_CSV = "the columns are name,low,high,unit; an empty cell is no limit"
_YAML = "write for example: rise time: {low: 8, high: 15, unit: s}"

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Limit:
    """The limits of one measurement, in `unit` (empty: in that of the measurement), and where they stand."""

    low: float | None
    high: float | None
    unit: str
    where: str


@dataclass(frozen=True)
class Limits:
    """The limits of a file by the names of measurements."""

    by_name: Mapping[str, Limit]

    def of(self, name: str, unit: str) -> Bounds | None:
        """Return the limits of a measurement in its unit, None when there are none; raises UsageError."""
        limit = self.by_name.get(name)
        if limit is None:
            return None
        try:
            low, high = (
                None if each is None else convert(f"{each!r} {limit.unit or unit}", unit)
                for each in (limit.low, limit.high)
            )
        except ValueError as error:
            raise UsageError(f"{limit.where}: {name} is measured in {unit or 'no unit'}: {error}") from None
        return low, high


def read_limits(file: Path) -> Limits:
    """Read a file of limits, .csv or .yaml; raises UsageError naming the line or the name."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"cannot read {file}: {why}", "give a file of limits") from error
    if file.suffix.lower() == ".csv":
        found = _from_csv(text, file)
    elif file.suffix.lower() in (".yaml", ".yml"):
        found = _from_yaml(text, file)
    else:
        raise UsageError(f"{file}: limits are read from .csv and .yaml files", _CSV)
    limits: dict[str, Limit] = {}
    for name, limit in found:
        if name in limits:
            raise UsageError(f"{limit.where}: {name} has limits already at {limits[name].where}")
        limits[name] = limit
    return Limits(limits)


def _from_csv(text: str, file: Path) -> Iterator[tuple[str, Limit]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        if not {"name", "low", "high"} <= set(reader.fieldnames or ()):
            raise UsageError(f"{file}: has no columns name, low and high", _CSV)
        for row in reader:
            where = f"{file}:{reader.line_num}"
            if None in row:
                raise UsageError(f"{where}: has more cells than columns", _CSV)
            yield _limit(row, where, _CSV)
    except csv.Error as error:
        raise UsageError(f"{file}:{reader.line_num}: no CSV: {error}", _CSV) from None


def _from_yaml(text: str, file: Path) -> Iterator[tuple[str, Limit]]:
    import yaml

    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: no YAML: {error}", _YAML) from None
    if not isinstance(told, dict):
        raise UsageError(f"{file}: is no list of names with limits", _YAML)
    for name, given in told.items():
        where = f"{file}: {name}"
        if not isinstance(given, dict) or not set(given) <= {"low", "high", "unit"}:
            raise UsageError(f"{where}: takes low, high and unit", _YAML)
        yield _limit({"name": name, **given}, where, _YAML)


def _limit(row: Mapping[str, Any], where: str, example: str) -> tuple[str, Limit]:
    name = str(row["name"] or "").strip()
    if not name:
        raise UsageError(f"{where}: limits without a name", example)
    low, high = (_number(row.get(key), where, example) for key in ("low", "high"))
    if low is None and high is None:
        raise UsageError(f"{where}: {name} has neither a low nor a high limit", example)
    if low is not None and high is not None and low > high:
        raise UsageError(f"{where}: nothing is between {low:g} and {high:g}", example)
    return name, Limit(low, high, str(row.get("unit") or "").strip(), where)


def _number(cell: Any, where: str, example: str) -> float | None:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise UsageError(f"{where}: {cell!r} is no number", example) from None
    if isinstance(cell, bool) or not math.isfinite(value):
        raise UsageError(f"{where}: {cell!r} is no limit", example)
    return value
