"""What is missing between and after the rows that were saved: how much of what, and from when to when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.session.file.totals import KEYS

TIMES = {
    "reasons": "time_ns",
    "commands": "time_ns",
    "events": "time_ns",
    "clock_pairs": "session_ns",
    "twin_states": "time_ns",
}
"""Where the rows of these tables tell their time."""


@dataclass(frozen=True)
class Limits:
    """Where a session begins and ends, as far as its metadata tell."""

    start_ns: int | None
    end_ns: int | None
    totals: Mapping[str, Any]
    """As in totals.py; empty when the end is not known."""
    from_first: bool
    """Whether records number from 0; a rolling recording begins anywhere."""

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Limits:
        """Return those of a session with these metadata."""
        return cls(meta.get("started_ns"), meta.get("ended_ns"), meta.get("totals", {}), "window" not in meta)


@dataclass(frozen=True)
class Gap:
    """`count` records from number `first` (counted from 0) on are missing.

    They were between the records at these times in ns: those that stand around the gap, else the start or
    the end of the session; None where nothing tells.
    """

    first: int
    count: int
    after_ns: int | None
    before_ns: int | None


@dataclass
class Kept:
    """How many records of a signal, device, loop or table were saved, and what is missing of them."""

    count: int = 0
    gaps: list[Gap] = field(default_factory=list)


Span = tuple[int, int, int | None, int | None]
"""(first, n, earliest, latest) of records that stand together."""


def chunk_gaps(database: sqlite3.Connection, table: str, limits: Limits) -> dict[str, Kept]:
    """Return, by signal (its number), device or loop, what was kept of a table of chunks and what was not."""
    key = KEYS[table]
    ends = limits.totals.get(table, {})
    spans: dict[str, list[Span]] = {name: [] for name in ends}
    query = f"SELECT {key}, first, n, t0, t1 FROM {table} ORDER BY {key}, first"  # noqa: S608  (ours)
    for name, first, n, t0, t1 in database.execute(query):
        spans.setdefault(str(name), []).append((first, n, t0, t1))
    return {
        name: Kept(sum(span[1] for span in own), list(_between(own, ends.get(name), limits)))
        for name, own in spans.items()
    }


def row_gaps(database: sqlite3.Connection, table: str, limits: Limits) -> Kept:
    """Return what was kept of a table of single records, and what was not."""
    time = TIMES.get(table, "NULL")
    rows = database.execute(f"SELECT id - 1, 1, {time}, {time} FROM {table} ORDER BY id").fetchall()  # noqa: S608
    return Kept(len(rows), list(_between(rows, limits.totals.get(table), limits)))


def _between(spans: Iterable[Span], end: int | None, limits: Limits) -> Iterator[Gap]:
    """Yield the gaps between spans, before the first of them, and after the last, to `end` if it is known."""
    at, latest = (0 if limits.from_first else None), limits.start_ns
    for first, n, t0, t1 in spans:
        if at is not None and first > at:
            yield Gap(at, first - at, latest, t0)
        at, latest = first + n, t1
    if end is not None and (at or 0) < end:
        yield Gap(at or 0, end - (at or 0), latest, limits.end_ns)
