"""Learned models as files: JSON, so that what is loaded is numbers and never code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.errors import DamagedInput, UsageError

from ..base import Variable


def write(file: Path, kind: str, told: Mapping[str, Any]) -> None:
    """Write a learned model."""
    file.write_text(json.dumps({"model": kind, **told}, indent=1) + "\n")


def read(file: Path, kind: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return what `write` wrote; raises UsageError for a missing file, DamagedInput for any other one."""
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file", "check the path; it counts from the bench file")
    try:
        told = json.loads(file.read_bytes())
    except ValueError as error:
        raise DamagedInput(f"{file.name} is no learned model: {error}", "save it again") from None
    if not isinstance(told, dict) or told.get("model") != kind:
        raise DamagedInput(f"{file.name} is no model of kind {kind}", "save it again")
    if missing := [key for key in keys if key not in told]:
        raise DamagedInput(f"{file.name} lacks {', '.join(missing)}", "save it again")
    return told


def told_of(variables: Sequence[Variable]) -> list[dict[str, Any]]:
    """Return what is written of variables."""
    return [{"name": each.name, "unit": each.unit, "what": each.what} for each in variables]


def variables(told: Any, file: Path, noise: float = 0.0) -> tuple[Variable, ...]:
    """Return variables from what is written of them; raises DamagedInput."""
    try:
        return tuple(Variable(each["name"], each["unit"], each.get("what", ""), noise=noise) for each in told)
    except (TypeError, KeyError, AttributeError):
        raise DamagedInput(f"{file.name}: {told!r} are no variables", "save it again") from None
