"""Opens a session file read-only and turns whatever is wrong with it into one kind of error."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.errors import DamagedInput, UsageError

from .schema import APPLICATION_ID, VERSION
from .version1 import LATER, VIEWS

_HEADER = b"SQLite format 3\0"
_HEADER_SIZE = 100
_LOCK_TIMEOUT_S = 5.0  # the writer locks readers out only while it turns its log into one plain file


class OpenSession:
    """The database of a session, open for reading; close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises UsageError when there is no such file, DamagedInput when it is no session."""
        self.path = path
        _check_header(path)
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with self._guard():
            self._database = sqlite3.connect(uri, uri=True, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
        try:
            self.version = self._check_format()
            with self._guard():
                self._query("PRAGMA cell_size_check = ON")  # notices more of what a flipped bit can do
                if self.version == 1:
                    self._database.executescript(VIEWS)
                if not self._has("overtaken"):
                    self._database.executescript(LATER)
        except DamagedInput:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _query(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._database.execute(statement, values)

    def _has(self, table: str) -> bool:
        return self._query("SELECT 1 FROM sqlite_master WHERE name = ?", table).fetchone() is not None

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn what wrong content leads to, in SQLite or in our decoding, into DamagedInput."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, IndexError, OverflowError) as error:
            raise DamagedInput(
                f"{self.path}: damaged: {error}", f"save what is whole: testbed recover {self.path}"
            ) from error

    def _check_format(self) -> int:
        with self._guard():
            (application,) = self._query("PRAGMA application_id").fetchone()
            (version,) = self._query("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise DamagedInput(f"{self.path}: a SQLite database, but no session of testbed")
        if version not in (1, VERSION):
            raise DamagedInput(
                f"{self.path}: format {version}, and this testbed reads formats 1 to {VERSION}",
                "read it with the testbed that recorded it, or a newer one",
            )
        return int(version)


def _check_header(path: Path) -> None:
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder, not a session file", "list a folder with: testbed sessions DIR"
        )
    if not path.is_file():
        raise UsageError(f"there is no session file {path}", "list them with: testbed sessions")
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not header.startswith(_HEADER):
        found = f"begins with {header[:16]!r}" if header else "is empty"
        raise DamagedInput(
            f"{path}: no session file: it {found}, not as a SQLite database does",
            f"if it was one, save what is whole: testbed recover {path}" if header else "",
        )
    _check_size(path, header)


def _check_size(path: Path, header: bytes) -> None:
    """Refuse a file that was cut off; SQLite would take the missing part of its last page for zeros.

    Source: SQLite database file format, section 1.3 (page size at 16, size in pages at 28).
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return  # the missing pages may stand in the log still
    page_size = int.from_bytes(header[16:18], "big")
    whole = page_size * int.from_bytes(header[28:32], "big")
    size = path.stat().st_size
    if size < whole:
        raise DamagedInput(
            f"{path}: damaged: cut off after {size} of {whole} bytes",
            f"copy it again, or save what is whole: testbed recover {path}",
        )
