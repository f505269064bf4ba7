"""How much a session holds: told in its end metadata, so that what is missing at its end can be noticed."""

from __future__ import annotations

import sqlite3
from typing import Any

KEYS = {"chunks": "signal", "frames": "device", "cycles": "loop"}
"""Tables of chunks, and what each of their rows belongs to."""

WORDS = {"chunks": "samples", "frames": "frames", "cycles": "cycles"}
"""What these chunks are made of."""

ROWS = (
    "reasons",
    "commands",
    "events",
    "loops",
    "clock_pairs",
    "twin_states",
    "ticks",
    "holdups",
    "overtaken",
)
"""Tables in which each row is one record; their ids have no gap."""


def count(database: sqlite3.Connection) -> dict[str, Any]:
    """Return what stands in the database.

    For each table of KEYS: signal, device or loop to the number of the last row and 1. For each of ROWS:
    the highest id.
    """
    found: dict[str, Any] = {
        table: {
            str(name): end
            for name, end in database.execute(f"SELECT {key}, max(first + n) FROM {table} GROUP BY {key}")  # noqa: S608
        }
        for table, key in KEYS.items()
    }
    for table in ROWS:
        (found[table],) = database.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # noqa: S608
    return found
