"""How far a session has been forwarded, kept in the session file itself, so that it moves with it.

Written through connections of their own that are open for a moment only: the recording, which may be going
on, waits for none of it. A file that cannot be written to (a read-only archive) simply has no bookmark;
forwarding it again from its beginning sends the same points, which InfluxDB takes for the ones it has.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .outbox import Position

_LOCK_TIMEOUT_S = 1.0

_TABLES = """
CREATE TABLE IF NOT EXISTS forwarded (
    destination TEXT PRIMARY KEY,   -- address, organization, bucket
    position TEXT NOT NULL,         -- JSON
    points INTEGER NOT NULL         -- how many were stored there
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (
    destination TEXT NOT NULL,
    what TEXT NOT NULL,             -- device.signal, or the kind of point
    reason TEXT NOT NULL,           -- the server's words
    points INTEGER NOT NULL,
    example TEXT NOT NULL,          -- the first line that was refused
    PRIMARY KEY (destination, what, reason)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Aside:
    """Points that the server will never take; the samples themselves stay in the session file."""

    what: str
    reason: str
    points: int
    example: str


class Bookmark:
    """The bookmark of one session for one destination."""

    def __init__(self, path: Path, destination: str) -> None:
        self._path = path
        self._destination = destination

    def load(self) -> tuple[Position, int, list[Aside]]:
        """Return position, points stored so far and what was set aside; the beginning if there is none."""
        try:
            with self._open("ro") as database:
                row = database.execute(
                    "SELECT position, points FROM forwarded WHERE destination = ?", (self._destination,)
                ).fetchone()
                if row is None:
                    return Position(), 0, []
                asides = database.execute(
                    "SELECT what, reason, points, example FROM set_aside WHERE destination = ? "
                    "ORDER BY what, reason",
                    (self._destination,),
                )
                position = msgspec.json.decode(row[0], type=Position)
                return position, row[1], [Aside(*each) for each in asides]
        except (sqlite3.Error, msgspec.MsgspecError):
            return Position(), 0, []  # none yet, or one that cannot be read: sending again is harmless

    def save(self, position: Position, points: int, asides: Sequence[Aside]) -> str:
        """Keep all of it, whole; return why it could not be kept, else an empty text."""
        mine = self._destination
        try:
            with self._open("rw") as database:
                database.execute("PRAGMA synchronous = NORMAL")  # in a live session: no fsync within the lock
                database.executescript(_TABLES)
                database.execute("BEGIN IMMEDIATE")
                values = (mine, msgspec.json.encode(position).decode(), points)
                database.execute("INSERT OR REPLACE INTO forwarded VALUES (?, ?, ?)", values)
                database.executemany(
                    "INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?, ?)",
                    [(mine, each.what, each.reason, each.points, each.example) for each in asides],
                )
                database.execute("COMMIT")
        except sqlite3.Error as error:
            return str(error)
        return ""

    def settle(self) -> None:
        """Make one plain file of a session that has ended, if nobody reads it any more.

        The recording does this when it closes, but not while we read.
        """
        with contextlib.suppress(sqlite3.Error), self._open("rw") as database:
            database.execute("PRAGMA busy_timeout = 0")
            database.execute("PRAGMA journal_mode = DELETE")

    @contextlib.contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"{self._path.resolve().as_uri()}?mode={mode}"
        with contextlib.closing(
            sqlite3.connect(uri, uri=True, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
        ) as database:
            yield database
