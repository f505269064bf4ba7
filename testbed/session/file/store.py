"""Puts what has gathered into the database, one transaction a batch; all blocking work is here."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from testbed.signals import Command, Event, Signal

from . import rows
from .checks import seal
from .columns import CycleChunk, FrameChunk, SampleChunk, join_cycles, join_frames, join_samples
from .merge import Chunk, Group, Merger
from .schema import APPLICATION_ID, PAGE_SIZE, VERSION, statements
from .totals import count
from .window import give_back, trim

_LOCK_TIMEOUT_S = 30.0  # how long another program may hold the database's write lock
_CACHE_KIB = 2048
_WAL_LIMIT = 64 << 20  # bytes that the write-ahead log may keep on disk once it is checkpointed
_VALUES_AT_ONCE = 999  # what one statement may hold in any SQLite


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
    twin_states: list[tuple[str, int, Mapping[str, float]]] = field(default_factory=list)
    """(device, time in ns, name to number)"""
    ticks: list[tuple[str, int, int]] = field(default_factory=list)
    """(owner, ticker, when its first tick is due in ns)"""
    holdups: list[tuple[int, int]] = field(default_factory=list)
    overtaken: list[tuple[str, int, int]] = field(default_factory=list)
    """(device, time in ns, after what time in ns)"""


class Store:
    """The database of one session, open for writing. Errors are those of sqlite3."""

    def __init__(self, path: Path, redact: rows.Redact = str) -> None:
        """Open the (empty) file at `path`; from now on any one thread at a time may use it.

        `redact` takes out of every text what nobody may read.
        """
        self._redact = redact
        self._ids: Counter[str] = Counter()
        self._meta: dict[str, int] = {}
        self._samples = Merger("chunks", rows.sample_row, join_samples)
        self._frames = Merger("frames", partial(rows.frame_row, redact=redact), join_frames)
        self._cycles = Merger("cycles", rows.cycle_row, join_cycles)
        self._database = sqlite3.connect(
            path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )

    def create(
        self, signals: Sequence[Signal], metadata: Mapping[str, Any], attachments: Mapping[str, bytes]
    ) -> None:
        """Lay the tables and commit what is known at the start."""
        attached = [rows.attachment_row(name, data) for name, data in attachments.items()]
        contents = {"signals": len(signals), "attachments": {name: digest for name, digest, _ in attached}}
        self._database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        # Before the first table: what is merged leaves pages that can be given back at the end.
        self._database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        with self._transaction() as database:
            for statement in statements():
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {VERSION}")
            self._write_meta({**metadata, "contents": contents})
            self._add("attachments", attached)
            self._insert("signals", [seal("signals", *rows.signal_row(signal)) for signal in signals])
        database.execute("PRAGMA secure_delete = OFF")  # some builds write zeros over what is deleted
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def write(self, batch: Batch) -> None:
        """Commit a batch whole, or nothing of it."""
        redact = self._redact
        turns = [turn for chunk in batch.samples for turn in chunk.reasons]
        with self._transaction():
            samples = self._add_chunks(self._samples, batch.samples)
            self._add("reasons", [rows.reason_row(turn, redact) for turn in turns])
            frames = self._add_chunks(self._frames, batch.frames)
            self._add("loops", [(name,) for name in batch.loops])
            cycles = self._add_chunks(self._cycles, batch.cycles)
            self._add("commands", [rows.command_row(command, redact) for command in batch.commands])
            self._add("events", [rows.event_row(event, redact) for event in batch.events])
            self._add("clock_pairs", batch.clock_pairs)
            self._add("ticks", batch.ticks)
            self._add("holdups", batch.holdups)
            self._add("overtaken", batch.overtaken)
            self._add("twin_states", [rows.state_row(*state) for state in batch.twin_states])
        self._samples.note(samples, batch.samples)
        self._frames.note(frames, batch.frames)
        self._cycles.note(cycles, batch.cycles)

    def trim(self, before_ns: int) -> None:
        """Delete what ended before a time, of a recording that keeps only its last minutes."""
        with self._transaction() as database:
            trim(database, before_ns)
        give_back(self._database)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Commit the end metadata last of all, safe from a power cut from here on."""
        with contextlib.suppress(sqlite3.Error):  # a full disk: the small chunks stay as they are
            self._tidy()
        self._database.execute("PRAGMA synchronous = FULL")
        with self._transaction() as database:
            self._write_meta({**metadata, "totals": count(database)})
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close; the session is then one plain file unless somebody is reading it at this moment."""
        with contextlib.suppress(sqlite3.Error):  # being read, or no room: the log stays beside the file
            self._database.execute("PRAGMA busy_timeout = 0")
            self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()

    # Within -----------------------------------------------------------------------------------

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

    def _tidy(self) -> None:
        """Merge what is left, and give back the pages of what was merged."""
        with self._transaction():
            self._merge(self._samples, self._samples.rest())
            self._merge(self._frames, self._frames.rest())
            self._merge(self._cycles, self._cycles.rest())
        # As a script: `execute` would take one step of it, which is one page.
        self._database.executescript("PRAGMA incremental_vacuum")

    def _add_chunks(self, merger: Merger[Chunk], chunks: list[Chunk]) -> range:
        self._merge(merger, merger.ripe())
        return self._add(merger.table, [merger.row(chunk) for chunk in chunks])

    def _merge(self, merger: Merger[Chunk], groups: list[Group[Chunk]]) -> None:
        if not groups:
            return
        old = [number for group in groups for number in group.ids]
        # Table names are ours, here and below.
        self._database.execute(
            f"DELETE FROM {merger.table} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(old),),
        )
        merged = [(group.ids[-1], *merger.row(merger.join(group.chunks))) for group in groups]
        self._insert(merger.table, [seal(merger.table, *row) for row in merged])

    def _add(self, table: str, new: Sequence[rows.Row]) -> range:
        """Insert rows that have neither id nor crc yet; return their ids."""
        first = self._ids[table] + 1
        self._ids[table] += len(new)
        self._insert(table, [seal(table, number, *row) for number, row in enumerate(new, first)])
        return range(first, first + len(new))

    def _insert(self, table: str, whole: list[rows.Row]) -> None:
        """Insert whole rows, many with each statement.

        Every statement gives the interpreter lock away and has to win it back from the event loop, so a
        statement a row would hold up both for several times as long as the writing takes. Numbers of
        rows are powers of two: SQLite keeps the few statements that come of it prepared.
        """
        done = 0
        while rest := len(whole) - done:
            width = len(whole[0])
            size = 1 << (min(rest, _VALUES_AT_ONCE // width).bit_length() - 1)
            marks = f"({', '.join('?' * width)})"
            values = [value for row in whole[done : done + size] for value in row]
            self._database.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * size)}", values)  # noqa: S608
            done += size

    def _write_meta(self, metadata: Mapping[str, Any]) -> None:
        """Write metadata; what is known anew takes the place of the row it had, so that ids have no gap."""
        for key, value in metadata.items():
            number = self._meta.setdefault(key, len(self._meta) + 1)
            row = seal("meta", number, key, rows.to_json(value, self._redact))
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?, ?)", row)
