"""Tolerances that stand in a file (YAML): how far each signal may differ, and how far times may.

within: 50 ms
probe.temperature: 0.5 K, 1 %
fan.*: ignore
"""

from __future__ import annotations

from pathlib import Path

from testbed.bench import BenchFileError, Problem, units
from testbed.bench.document import Document, read_document

from .rules import Rules

_WITHIN = "within"


def read_tolerances(file: Path) -> Rules:
    """Read a file of tolerances; raises BenchFileError with the place of each that is none."""
    document = read_document(file)
    problems: list[Problem] = []
    within = _within(document, problems)
    tolerances = []
    for name, value in document.data.items():
        if name == _WITHIN:
            continue
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            message = f"{name}: a tolerance is a number with its unit, not {value!r}"
            problems.append(document.problem((name,), message, "write for example 0.5 K, 1 %"))
        tolerances.append((str(name), str(value)))
    if problems:
        raise BenchFileError(problems)
    return Rules(tuple(tolerances), within)


def _within(document: Document, problems: list[Problem]) -> int:
    text = document.data.get(_WITHIN, 0)
    try:
        return round(units.seconds(text) * 1e9)
    except (ValueError, TypeError, OverflowError) as error:
        problems.append(document.problem((_WITHIN,), f"{_WITHIN}: {error}", "write for example 50 ms"))
        return 0
