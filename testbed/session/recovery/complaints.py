"""What is wrong with a file as a whole, before any row of it is looked at."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.session.file.schema import PAGE_SIZE

_MAGIC = b"SQLite format 3\0"
_LOCK_BYTES = (0x40000000, 512)  # where SQLite locks a database file: offset and length
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of fcntl(2), Linux, 64 bit
_TOLD = 3  # lines of SQLite's own report


@dataclass(frozen=True)
class Header:
    """What the first page says of the file; zeros where it is too short.

    Source: SQLite database file format, section 1.3.
    """

    magic: bytes
    pages: int
    version: int
    application: int


def header_of(file: Path) -> Header:
    """Read a file's header."""
    with file.open("rb") as opened:
        head = opened.read(100).ljust(100, b"\0")
    (pages,), (version,), (application,) = (struct.unpack_from(">I", head, at) for at in (28, 60, 68))
    return Header(head[:16], pages, version, application)


def complaints(file: Path) -> list[str]:
    """Return what is wrong: with the first page, with the size, and what SQLite finds."""
    header, size, found = header_of(file), file.stat().st_size, []
    log = file.with_name(f"{file.name}-wal")
    if header.magic != _MAGIC:
        found.append(f"its first page is damaged: it begins with {header.magic!r}")
    elif size < header.pages * PAGE_SIZE and not log.exists():
        found.append(f"it was cut off after {size} of {header.pages * PAGE_SIZE} bytes")
    return [*found, *_of_sqlite(file, immutable=not log.exists())]


def _of_sqlite(file: Path, *, immutable: bool) -> list[str]:
    """Ask SQLite for its opinion; it writes nothing."""
    uri = f"{file.resolve().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            said = database.execute(f"PRAGMA integrity_check({_TOLD})").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return [f"SQLite: {error}"]
    return [f"SQLite: {line}" for (text,) in said if text != "ok" for line in str(text).splitlines()]


def in_use_by(file: Path) -> int:
    """Return the number of another process that has the database open, 0 if none is known."""
    if sys.platform != "linux":
        return 0
    with file.open("rb") as opened:
        asked = _FLOCK.pack(fcntl.F_WRLCK, 0, *_LOCK_BYTES, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(opened, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid)
