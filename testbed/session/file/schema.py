"""What a session file is on disk: a SQLite database with these tables (docs/sessions.md tells them).

Every time is UTC in ns, every number in a blob is little-endian. Samples, frames and loop cycles are
kept as chunks of columns: a hundredth of the work of a row each, and the live page finds extremes
without opening a blob. Blobs stand last in their rows so that reading the columns before them never
touches their pages. No column of measured numbers has a declared type: as REAL, SQLite would turn
-0.0 into 0.0.

Every row can be told from any other bytes, and a flipped bit in it is noticed, by its `crc` (see
checks.py); that nothing is missing between two rows is seen by their ids and by `first`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cache

SUFFIX = ".session"
"""How the names of session files end."""

APPLICATION_ID = 0x48494C53
"""SQLite's application_id of every session file: "HILS"."""

VERSION = 2
"""SQLite's user_version: raised when a table changes its meaning."""

PAGE_SIZE = 4096
"""Bytes of a page of the database: recovery must know it even when the file does not tell any more."""

TABLES = """
CREATE TABLE meta (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,            -- JSON
    crc INTEGER
);

CREATE TABLE attachments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL,           -- of data, in hexadecimal
    crc INTEGER,
    data BLOB NOT NULL
);

CREATE TABLE signals (
    id INTEGER PRIMARY KEY,         -- from 0
    device TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    access TEXT NOT NULL,           -- read, write, notify
    low, high,                      -- limits, NULL: none
    slew,                           -- unit per second, NULL: none
    safe,                           -- NULL: not writable
    period_ns INTEGER NOT NULL,     -- promised time between samples, 0: no promise
    title TEXT NOT NULL,
    crc INTEGER,
    UNIQUE (device, name)
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,         -- rises with every commit: a reader's bookmark
    signal INTEGER NOT NULL REFERENCES signals,
    first INTEGER NOT NULL,         -- how many samples of this signal came before
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,            -- earliest and latest time
    t1 INTEGER NOT NULL,
    vmin, tmin INTEGER,             -- lowest value and its time, NULL: every value is NaN
    vmax, tmax INTEGER,
    crc INTEGER,
    qualities BLOB,                 -- n bytes, 0 good, 1 uncertain, 2 bad; NULL: all good
    times BLOB NOT NULL,            -- n int64
    samples BLOB NOT NULL           -- n float64, in the signal's unit, NaN where there is no value
);
CREATE INDEX chunks_by_time ON chunks (signal, t0, t1, n, first, vmin, tmin, vmax, tmax);

CREATE TABLE reasons (              -- a row wherever quality or reason changes
    id INTEGER PRIMARY KEY,
    signal INTEGER NOT NULL REFERENCES signals,
    first INTEGER NOT NULL,         -- the sample (counted from 0) from which on it holds
    time_ns INTEGER NOT NULL,
    quality INTEGER NOT NULL,
    reason TEXT NOT NULL,
    crc INTEGER
);
CREATE INDEX reasons_by_signal ON reasons (signal, first);

CREATE TABLE frames (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    first INTEGER NOT NULL,         -- how many frames of this device came before
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL,
    marks INTEGER NOT NULL,         -- how many of them carry no bytes of the device (directions 2 and 3)
    crc INTEGER,
    times BLOB NOT NULL,            -- n int64
    directions BLOB NOT NULL,       -- n bytes: 0 from the device, 1 to it, 2 link opened, 3 link lost
    lengths BLOB NOT NULL,          -- n uint32
    data BLOB NOT NULL              -- the frames, end to end
);
CREATE INDEX frames_by_device ON frames (device, t0, t1, n, marks);

CREATE TABLE commands (             -- a row when its outcome is known
    id INTEGER PRIMARY KEY,
    signal INTEGER NOT NULL REFERENCES signals,
    value,                          -- NULL: NaN
    requester TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    deadline_ns INTEGER NOT NULL,
    cause_ns INTEGER NOT NULL,      -- time of the sample that led to it, 0: a person or a test
    priority INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    sent_ns INTEGER NOT NULL,       -- 0: never
    done_ns INTEGER NOT NULL,
    asked REAL,                     -- what was asked for where the guard clamped it, else NULL
    crc INTEGER
);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    level TEXT NOT NULL,            -- info, warning, error
    source TEXT NOT NULL,
    kind TEXT NOT NULL,             -- fault: on purpose if its source is a device, ours if it is run
    text TEXT NOT NULL,
    crc INTEGER
);

CREATE TABLE loops (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    crc INTEGER
);

CREATE TABLE cycles (
    id INTEGER PRIMARY KEY,
    loop TEXT NOT NULL,
    first INTEGER NOT NULL,         -- how many cycles of this loop came before
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL,
    crc INTEGER,
    times BLOB NOT NULL,            -- n int64 each, ns; -1: did not happen
    lateness BLOB NOT NULL,         -- start of the cycle after its due time
    age BLOB NOT NULL,              -- of the sample at the start of the cycle
    latency BLOB NOT NULL,          -- sample arrived -> command written
    acknowledged BLOB NOT NULL,     -- sample arrived -> command acknowledged
    flags BLOB NOT NULL,            -- n bytes: 1 overrun, 2 acted safe
    setpoint,                       -- n float64 each, NaN: none; a plain number where all n are the same,
    measured,                       -- NULL where all are NaN
    output,
    p, i, d                         -- bias + p + i + d is the output before limits and slew
);
CREATE INDEX cycles_by_loop ON cycles (loop, t0, t1, n);

CREATE TABLE twin_states (          -- what a twin's model had come to, about once a second
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    state TEXT NOT NULL,            -- JSON: name to number
    crc INTEGER
);

CREATE TABLE ticks (                -- of periodic timers: the first of each
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,            -- whose timer: a device (its driver), "loop NAME", "mirror"
    ticker INTEGER NOT NULL,        -- how many timers this owner had asked for before
    due_ns INTEGER NOT NULL,
    crc INTEGER
);

CREATE TABLE holdups (              -- when all timers had to wait for a busy machine, over 1 ms
    id INTEGER PRIMARY KEY,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    crc INTEGER
);

CREATE TABLE overtaken (            -- frames whose samples were walked after those of younger ones
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    time_ns INTEGER NOT NULL,       -- the frame's
    after_ns INTEGER NOT NULL,      -- a time after the youngest of those before it
    crc INTEGER
);

CREATE TABLE clock_pairs (          -- how session time and the system's UTC drift apart
    id INTEGER PRIMARY KEY,
    session_ns INTEGER NOT NULL,
    utc_ns INTEGER NOT NULL,
    crc INTEGER
);
"""


@cache
def columns() -> dict[str, tuple[str, ...]]:
    """Return the names of every table's columns, in the order in which TABLES declares both."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
        return {
            table: tuple(
                name for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,))
            )
            for (table,) in tables.fetchall()
        }


def statements() -> Iterator[str]:
    """Yield each CREATE statement of TABLES; executescript would commit in the middle of a transaction."""
    statement = ""
    for line in TABLES.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
