"""Saves a part of a session as a session of its own, also of one that is being recorded."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.errors import UsageError

from .checks import seal
from .disk import sync
from .rows import to_json
from .schema import APPLICATION_ID, PAGE_SIZE, VERSION, statements
from .totals import count
from .window import copy

_PARTIAL = ".partial"
_LOCK_TIMEOUT_S = 30.0
_OF_THE_END = ("totals", "ended_ns", "stopped_ns", "recording_failure")


def save_excerpt(source: Path, target: Path, from_ns: int, to_ns: int, facts: Mapping[str, Any]) -> None:
    """Save what `source` recorded between two times as the session `target`, with `facts` as metadata.

    Chunks of samples are kept whole, so that of slow signals a little more is saved. SQLite does all of
    it without holding Python's lock, from one state of `source` that does not change meanwhile. Raises
    UsageError when `target` exists, errors of sqlite3 and OSError when it cannot be written.
    """
    if target.exists():
        raise UsageError(f"{target} exists already, and no recording is ever overwritten")
    partial = target.with_name(target.name + _PARTIAL)
    try:
        partial.unlink(missing_ok=True)
        database = sqlite3.connect(f"{partial.absolute().as_uri()}", uri=True, isolation_level=None)
        with contextlib.closing(database):
            _write(database, source, from_ns, to_ns, facts)
        sync(partial)
        partial.rename(target)
        sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def _write(
    database: sqlite3.Connection, source: Path, from_ns: int, to_ns: int, facts: Mapping[str, Any]
) -> None:
    for pragma in (f"page_size = {PAGE_SIZE}", "journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(f"PRAGMA busy_timeout = {int(_LOCK_TIMEOUT_S * 1000)}")
    database.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
    database.execute("BEGIN")
    for statement in statements():
        database.execute(statement)
    copy(database, from_ns, to_ns)
    _write_meta(database, from_ns, to_ns, facts)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
    database.execute("DETACH source")


def _write_meta(database: sqlite3.Connection, from_ns: int, to_ns: int, facts: Mapping[str, Any]) -> None:
    """Keep what the source said of its start; say when this part begins and ends, and how much it holds."""
    known = {
        key: json.loads(value)
        for key, value in database.execute("SELECT key, value FROM source.meta ORDER BY id")
        if key not in _OF_THE_END
    }
    known |= {"started_ns": max(from_ns, known["started_ns"]), "window": {}, **facts}
    known |= {"ended_ns": to_ns, "totals": count(database)}
    for number, (key, value) in enumerate(known.items(), 1):
        row = seal("meta", number, key, to_json(value))
        database.execute("INSERT INTO main.meta VALUES (?, ?, ?, ?)", row)
