"""The window of a rolling recording: which rows belong to a span of time, so that others can go.

What stays has no hole: of a signal, device or loop the rows from the first to the last that reach into the
span, of a table of single records those between the first and the last in it.
"""

from __future__ import annotations

import sqlite3

from .totals import KEYS

ENDS = {
    "commands": "done_ns",
    "events": "time_ns",
    "clock_pairs": "session_ns",
    "twin_states": "time_ns",
    "holdups": "to_ns",
    "overtaken": "after_ns",
}
"""Tables of single records in the order of these times; the others are kept whole."""

_ALL = (1 << 63) - 1  # above every id


def trim(database: sqlite3.Connection, before_ns: int) -> None:
    """Delete what ended before a time; the reason that a signal's first sample has, stays."""
    # Names of tables and columns are ours, here and below.
    for table, key in KEYS.items():
        kept = dict(
            database.execute(f"SELECT {key}, min(id) FROM {table} WHERE t1 >= ? GROUP BY {key}", (before_ns,))  # noqa: S608
        )
        for (name,) in database.execute(f"SELECT DISTINCT {key} FROM {table}").fetchall():  # noqa: S608
            low = kept.get(name, _ALL)
            database.execute(f"DELETE FROM {table} WHERE {key} = ? AND id < ?", (name, low))  # noqa: S608
    for table, time in ENDS.items():
        first = f"SELECT min(id) FROM {table} WHERE {time} >= ?"  # noqa: S608
        database.execute(f"DELETE FROM {table} WHERE id < coalesce(({first}), {_ALL})", (before_ns,))  # noqa: S608
    database.execute(
        "DELETE FROM reasons WHERE first < (SELECT max(held.first) FROM reasons AS held "
        "WHERE held.signal = reasons.signal AND held.first <= "
        "(SELECT min(chunks.first) FROM chunks WHERE chunks.signal = reasons.signal))"
    )


def give_back(database: sqlite3.Connection) -> None:
    """Shrink the file when much of it is free; as a rule what is deleted makes room for what comes."""
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    if free > pages // 2:
        database.executescript(f"PRAGMA incremental_vacuum({free // 2})")


def copy(database: sqlite3.Connection, from_ns: int, to_ns: int) -> None:
    """Copy the rows of a span of time from the attached database `source`, as they stand there."""
    span = {"from": from_ns, "to": to_ns}
    for table, key in KEYS.items():
        within = (
            f"SELECT {key} AS name, min(id) FILTER (WHERE t1 >= :from) AS low, "  # noqa: S608
            f"max(id) FILTER (WHERE t0 <= :to) AS high FROM source.{table} GROUP BY {key}"
        )
        database.execute(
            f"INSERT INTO main.{table} SELECT old.* FROM source.{table} AS old JOIN ({within}) "  # noqa: S608
            f"ON name = old.{key} WHERE old.id BETWEEN low AND high",
            span,
        )
    for table, time in ENDS.items():
        low = f"SELECT min(id) FROM source.{table} WHERE {time} >= :from"  # noqa: S608
        high = f"SELECT max(id) FROM source.{table} WHERE {time} <= :to"  # noqa: S608
        database.execute(
            f"INSERT INTO main.{table} SELECT * FROM source.{table} WHERE id BETWEEN ({low}) AND ({high})",  # noqa: S608
            span,
        )
    for table in ("attachments", "signals", "loops", "ticks"):
        database.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table}")  # noqa: S608
    database.execute(
        "INSERT INTO main.reasons SELECT old.* FROM source.reasons AS old JOIN "
        "(SELECT signal AS name, min(first) AS low, max(first + n) AS high FROM main.chunks GROUP BY signal) "
        "ON name = old.signal WHERE old.first < high AND old.first >= coalesce((SELECT max(held.first) "
        "FROM source.reasons AS held WHERE held.signal = old.signal AND held.first <= low), 0)"
    )
