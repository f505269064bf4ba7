"""Requirements as people list them: in Markdown or in CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from testbed.errors import UsageError

_ID = r"[A-Za-z][\w.]*-[\w.-]*\d\w*"
_FORMS = (
    re.compile(rf"^\s*\|\s*\**`?(?P<id>{_ID})`?\**\s*\|\s*(?P<text>[^|]*?)\s*(?:\|.*)?$"),
    re.compile(
        rf"^\s*(?:[-*+]|\d+[.)]|#+)\s+\**`?(?P<id>{_ID})`?\**\s*[:.\u2013\u2014-]?\**\s*(?P<text>.*?)\s*#*$"
    ),
)
_FENCE = re.compile(r"^\s*(?:```|~~~)")

EXAMPLE = "write for example: - REQ-12: The chamber holds its setpoint within 1 K"


class Requirement(NamedTuple):
    """What was asked for, under the name by which tests refer to it."""

    id: str
    text: str


def read_requirements(file: Path) -> list[Requirement]:
    """Read a list of requirements.

    In Markdown (`.md`), each is an item of a list, a heading or a row of a table that begins with its id; an
    id is a word, a hyphen and a number, such as REQ-12 or SYS-THERM-3a. In CSV (`.csv`), the columns are
    called id and text; without such a header they are the first two. Raises UsageError naming the line.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"cannot read {file}: {why}", "give the file that lists the requirements") from error
    if file.suffix.lower() == ".csv":
        found = list(_from_csv(text, file))
    elif file.suffix.lower() in (".md", ".markdown"):
        found = list(_from_markdown(text))
    else:
        raise UsageError(f"{file}: requirements are read from .md and .csv files", EXAMPLE)
    return [requirement for _, requirement in _without_doubles(found, file)]


def _from_markdown(text: str) -> Iterator[tuple[int, Requirement]]:
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced:
            continue
        for form in _FORMS:
            if match := form.match(line):
                yield number, Requirement(match["id"], match["text"])
                break


def _from_csv(text: str, file: Path) -> Iterator[tuple[int, Requirement]]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise UsageError(f"{file}:{reader.line_num}: no CSV: {error}") from error
    id_at, text_at = 0, 1
    names = [cell.lower() for cell in rows[0][1]] if rows else []
    if "id" in names:
        id_at, text_at = names.index("id"), names.index("text") if "text" in names else -1
        rows = rows[1:]
    for line, row in rows:
        if id_at >= len(row) or not row[id_at]:
            raise UsageError(f"{file}:{line}: a requirement without an id", "write for example: REQ-12,text")
        yield line, Requirement(row[id_at], row[text_at] if 0 <= text_at < len(row) else "")


def _without_doubles(found: list[tuple[int, Requirement]], file: Path) -> Iterator[tuple[int, Requirement]]:
    if not found:
        raise UsageError(f"{file} lists no requirement", EXAMPLE)
    lines: dict[str, int] = {}
    for line, requirement in found:
        if requirement.id in lines:
            first = lines[requirement.id]
            raise UsageError(f"{file}:{line}: {requirement.id} stands in line {first} already")
        lines[requirement.id] = line
        yield line, requirement
