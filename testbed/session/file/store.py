"""Puts what has gathered into the database, one transaction a batch; all blocking work is here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.signals import Command, Event, Signal

from .columns import CycleChunk, FrameChunk, SampleChunk
from .schema import APPLICATION_ID, TABLES, VERSION

_LOCK_TIMEOUT_S = 30.0  # how long another program may hold the database's write lock
_CACHE_KIB = 2048
_WAL_LIMIT = 64 << 20  # bytes that the write-ahead log may keep on disk once it is checkpointed
_ROWS_AT_ONCE = (
    32,
    8,
    1,
)  # rows of one statement; 13 columns x 32 stay under SQLite's old limit of 999 values


@dataclass
class Batch:
    """What gathered between two commits."""

    samples: list[SampleChunk] = field(default_factory=list)
    frames: list[FrameChunk] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    cycles: list[CycleChunk] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    clock_pairs: list[tuple[int, int]] = field(default_factory=list)


class Store:
    """The database of one session, open for writing. Errors are those of sqlite3."""

    def __init__(self, path: Path) -> None:
        """Open the (empty) file at `path`; from now on any one thread at a time may use it."""
        self._database = sqlite3.connect(
            path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )

    def create(
        self, signals: Sequence[Signal], metadata: Mapping[str, Any], attachments: Mapping[str, bytes]
    ) -> None:
        """Lay the tables and commit what is known at the start."""
        with self._transaction() as database:
            for statement in _statements(TABLES):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {VERSION}")
            self._write_meta(metadata)
            database.executemany(
                "INSERT INTO attachments VALUES (?, ?, ?)",
                [(name, hashlib.sha256(data).hexdigest(), data) for name, data in attachments.items()],
            )
            database.executemany(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_signal_row, signals)
            )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def write(self, batch: Batch) -> None:
        """Commit a batch whole, or nothing of it."""
        with self._transaction() as database:
            self._insert("chunks", [_sample_row(chunk) for chunk in batch.samples])
            reasons = [(*turn[:4], _text(turn.reason)) for chunk in batch.samples for turn in chunk.reasons]
            database.executemany("INSERT INTO reasons VALUES (?, ?, ?, ?, ?)", reasons)
            self._insert("frames", [_frame_row(chunk) for chunk in batch.frames])
            database.executemany("INSERT OR IGNORE INTO loops VALUES (?)", [(name,) for name in batch.loops])
            self._insert("cycles", [_cycle_row(chunk) for chunk in batch.cycles])
            self._insert("commands", [_command_row(command) for command in batch.commands])
            self._insert("events", [_event_row(event) for event in batch.events])
            database.executemany("INSERT INTO clock_pairs VALUES (?, ?)", batch.clock_pairs)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # some errors have ended it already
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
            raise

    def _insert(self, table: str, rows: list[tuple[object, ...]]) -> None:
        """Insert rows into a table whose first column numbers them, many with each statement.

        Every statement gives the interpreter lock away and has to win it back from the event loop, so a
        statement a row would hold up both for several times as long as the writing takes.
        """
        done = 0
        for size in _ROWS_AT_ONCE:
            while len(rows) - done >= size:
                marks = f"(NULL{', ?' * len(rows[done])})"
                values = [value for row in rows[done : done + size] for value in row]
                # Table and marks are ours; SQLite keeps the few statements that come of it prepared.
                self._database.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * size)}", values)  # noqa: S608
                done += size

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Commit the end metadata, safe from a power cut from here on."""
        self._database.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            self._write_meta(metadata)
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close; the session is then one plain file unless somebody is reading it at this moment."""
        with contextlib.suppress(sqlite3.Error):  # being read, or no room: the log stays beside the file
            self._database.execute("PRAGMA busy_timeout = 0")
            self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()

    def _write_meta(self, metadata: Mapping[str, Any]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            [(key, to_json(value)) for key, value in metadata.items()],
        )


def _statements(script: str) -> Iterable[str]:
    """Split a script of CREATE statements; executescript would commit in the middle of our transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _sample_row(chunk: SampleChunk) -> tuple[object, ...]:
    times, values, qualities = chunk.times, chunk.values, chunk.qualities
    row = (chunk.signal, chunk.first, len(times), min(times), max(times), *_extremes(times, values))
    return (*row, qualities if any(qualities) else None, _little(times), _little(values))


def _frame_row(chunk: FrameChunk) -> tuple[object, ...]:
    times = chunk.times
    columns = (_little(times), chunk.directions, _little(chunk.lengths), chunk.data)
    return (chunk.device, len(times), min(times), max(times), *columns)


def _cycle_row(chunk: CycleChunk) -> tuple[object, ...]:
    times = chunk.times
    columns = (times, chunk.lateness, chunk.age, chunk.latency, chunk.acknowledged)
    return (chunk.loop, len(times), min(times), max(times), *map(_little, columns), chunk.flags)


def _extremes(
    times: array[int], values: array[float]
) -> tuple[float, int, float, int] | tuple[None, None, None, None]:
    """Return (lowest, its time, highest, its time), NaN left out."""
    total = sum(values)
    if total != total:  # there is a NaN, or both infinities
        pairs = [(value, time_ns) for value, time_ns in zip(values, times, strict=True) if value == value]
        if not pairs:
            return None, None, None, None
        values = array("d", [value for value, _ in pairs])
        times = array("q", [time_ns for _, time_ns in pairs])
    low, high = min(values), max(values)
    return low, times[values.index(low)], high, times[values.index(high)]


def _little(column: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _signal_row(signal: Signal) -> tuple[object, ...]:
    low, high = signal.limits or (None, None)
    place = (signal.id, signal.device, signal.name, signal.unit, str(signal.access))
    return (*place, low, high, signal.slew, signal.safe, signal.period_ns, signal.title)


def _command_row(command: Command) -> tuple[object, ...]:
    return (
        command.signal,
        command.value,
        command.requester,
        command.time_ns,
        command.deadline_ns,
        command.cause_ns,
        int(command.priority),
        str(command.verdict),
        str(command.outcome),
        _text(command.reason),
        command.sent_ns,
        command.done_ns,
    )


def _event_row(event: Event) -> tuple[object, ...]:
    return (event.time_ns, str(event.level), event.source, event.kind, _text(event.text))


def _text(text: str) -> str:
    """Return `text` as UTF-8 can hold it: what a device garbled must not stop the recording."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def to_json(value: Any) -> str:
    """Return `value` as JSON; what JSON has no number for (NaN, the infinities) becomes null."""
    return json.dumps(finite(value), allow_nan=False, default=str)


def finite(value: Any) -> Any:
    """Return `value` with every NaN and infinity in it replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return value


def sync_folder(folder: Path) -> None:
    """Make sure that the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
