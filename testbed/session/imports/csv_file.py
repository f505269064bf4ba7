"""A CSV file as rows of cells, each with the place where it stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from testbed.errors import DamagedInput, UsageError

_DELIMITERS = ",;\t|"
_COMMENT = "#"

Row = tuple[int, list[str]]
"""The number of the line (from 1) and its cells."""


class CsvFile:
    """A file with one line of heads and rows under it; lines before the heads may be skipped.

    Empty lines and those that begin with # are passed over. Unless given, the delimiter is the one of
    comma, semicolon, tab and | that stands most often in the line of heads.
    """

    def __init__(self, path: Path, delimiter: str = "", encoding: str = "utf-8", skip: int = 0) -> None:
        """Read the heads; raises UsageError or DamagedInput when that cannot be done."""
        self.path = path
        self._skip = skip
        self._encoding = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
        self.delimiter = delimiter or self._guess()
        self.line, cells = next(self._lines(), (0, []))
        if not cells:
            raise DamagedInput(f"{path}: holds no line of heads")
        self.heads = [head.strip() for head in cells]
        self._check_heads()

    def rows(self) -> Iterator[Row]:
        """Yield the rows under the heads, each with as many cells as there are heads."""
        lines = self._lines()
        next(lines)
        width = len(self.heads)
        for line, cells in lines:
            if len(cells) > width and any(cells[width:]):
                raise DamagedInput(f"{self.path}:{line}: has {len(cells)} cells, and there are {width} heads")
            yield line, cells[:width] + [""] * (width - len(cells))

    def error(self, line: int, column: int, reason: str, next_step: str = "") -> DamagedInput:
        """Return an error that names the line, the column and its head; columns count from 0 here."""
        place = f"{self.path}:{line}: column {column + 1} ({self.heads[column]})"
        return DamagedInput(f"{place}: {reason}", next_step)

    def _lines(self) -> Iterator[Row]:
        line = self._skip
        try:
            reader = csv.reader(self._text(), delimiter=self.delimiter, strict=True)
            for cells in reader:
                line = self._skip + reader.line_num
                if any(cells) and not cells[0].startswith(_COMMENT):
                    yield line, cells
        except csv.Error as error:
            raise DamagedInput(f"{self.path}:{line + 1}: is no CSV: {error}") from None

    def _text(self) -> Iterator[str]:
        """Yield the lines of text after those that are skipped."""
        number = 0
        try:
            with self.path.open(encoding=self._encoding, newline="") as file:
                for number, line in enumerate(file, 1):
                    if number > self._skip:
                        yield line
        except UnicodeDecodeError as error:
            raise DamagedInput(
                f"{self.path}: after line {number}: is no {self._encoding} text: {error.reason}",
                "give its encoding, for example --encoding cp1252",
            ) from None
        except LookupError:
            raise UsageError(f"no encoding is called {self._encoding!r}") from None
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from error

    def _guess(self) -> str:
        heads = next((line for line in self._text() if line.strip() and line[0] != _COMMENT), "")
        return max(_DELIMITERS, key=heads.count)

    def _check_heads(self) -> None:
        seen: dict[str, int] = {}
        for column, head in enumerate(self.heads):
            if head and head in seen:
                raise self.error(self.line, column, f"column {seen[head] + 1} is called the same")
            seen[head] = column
