"""What a session file is on disk: a SQLite database with these tables (docs/sessions.md tells them).

Every time is UTC in ns, every number in a blob is little-endian. Samples, frames and loop cycles are
kept as chunks of columns, one chunk for what gathered between two commits: a hundredth of the work of
a row each, and the live page finds extremes without opening a blob. Blobs stand last in their rows so
that reading the columns before them never touches their pages.
"""

from __future__ import annotations

SUFFIX = ".session"
"""How the names of session files end."""

APPLICATION_ID = 0x48494C53
"""SQLite's application_id of every session file: "HILS"."""

VERSION = 1
"""SQLite's user_version: raised when a table changes its meaning."""

TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL             -- JSON
) WITHOUT ROWID;

CREATE TABLE attachments (
    name TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,           -- of data, in hexadecimal
    data BLOB NOT NULL
);

CREATE TABLE signals (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    access TEXT NOT NULL,           -- read, write, notify
    low REAL, high REAL,            -- limits, NULL: none
    slew REAL,                      -- unit per second, NULL: none
    safe REAL,                      -- NULL: not writable
    period_ns INTEGER NOT NULL,     -- promised time between samples, 0: no promise
    title TEXT NOT NULL,
    UNIQUE (device, name)
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,         -- rises with every commit: a reader's bookmark
    signal INTEGER NOT NULL REFERENCES signals,
    first INTEGER NOT NULL,         -- how many samples of this signal came before
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,            -- earliest and latest time
    t1 INTEGER NOT NULL,
    vmin REAL, tmin INTEGER,        -- lowest value and its time, NULL: every value is NaN
    vmax REAL, tmax INTEGER,
    qualities BLOB,                 -- n bytes, 0 good, 1 uncertain, 2 bad; NULL: all good
    times BLOB NOT NULL,            -- n int64
    samples BLOB NOT NULL           -- n float64, in the signal's unit, NaN where there is no value
);
CREATE INDEX chunks_by_time ON chunks (signal, t0, t1, n, vmin, tmin, vmax, tmax);

CREATE TABLE reasons (              -- a row wherever quality or reason changes
    signal INTEGER NOT NULL REFERENCES signals,
    first INTEGER NOT NULL,         -- the sample (counted from 0) from which on it holds
    time_ns INTEGER NOT NULL,
    quality INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (signal, first)
) WITHOUT ROWID;

CREATE TABLE frames (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL,
    times BLOB NOT NULL,            -- n int64
    directions BLOB NOT NULL,       -- n bytes: 0 from the device, 1 to it, 2 link opened, 3 link lost
    lengths BLOB NOT NULL,          -- n uint32
    data BLOB NOT NULL              -- the frames, end to end
);
CREATE INDEX frames_by_device ON frames (device, t0, t1, n);

CREATE TABLE commands (             -- a row when its outcome is known
    id INTEGER PRIMARY KEY,
    signal INTEGER NOT NULL REFERENCES signals,
    value,                          -- no declared type: as REAL, SQLite would turn -0.0 into 0.0
    requester TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    deadline_ns INTEGER NOT NULL,
    cause_ns INTEGER NOT NULL,      -- time of the sample that led to it, 0: a person or a test
    priority INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    sent_ns INTEGER NOT NULL,       -- 0: never
    done_ns INTEGER NOT NULL
);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    level TEXT NOT NULL,            -- info, warning, error
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);

CREATE TABLE loops (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE cycles (
    id INTEGER PRIMARY KEY,
    loop TEXT NOT NULL REFERENCES loops,
    n INTEGER NOT NULL,
    t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL,
    times BLOB NOT NULL,            -- n int64 each, ns; -1: did not happen
    lateness BLOB NOT NULL,         -- start of the cycle after its due time
    age BLOB NOT NULL,              -- of the sample at the start of the cycle
    latency BLOB NOT NULL,          -- sample arrived -> command written
    acknowledged BLOB NOT NULL,     -- sample arrived -> command acknowledged
    flags BLOB NOT NULL             -- n bytes: 1 overrun, 2 acted safe
);
CREATE INDEX cycles_by_loop ON cycles (loop, t0, t1, n);

CREATE TABLE clock_pairs (          -- how session time and the system's UTC drift apart
    session_ns INTEGER NOT NULL,
    utc_ns INTEGER NOT NULL
);
"""
