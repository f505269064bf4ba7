"""Gathers every whole row of a damaged file in a new database, each once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from testbed.session.file.checks import check
from testbed.session.file.schema import columns
from testbed.session.file.totals import KEYS

from .cells import rows_of
from .pages import Pages

Progress = Callable[[int, int], None]
"""Called with how many pages have been read, of how many."""

_TOLD = 500  # pages between two calls of it


def whole_rows(pages: Pages, number: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield (table, row) of the rows of a page that are as they were written: their checksums say so."""
    for row in rows_of(pages, number):
        for table in _tables_by_width().get(len(row), ()):
            if _is_whole(table, row):
                yield table, row
                break


@cache
def _tables_by_width() -> dict[int, list[str]]:
    tables: dict[int, list[str]] = {}
    for table, names in columns().items():
        tables.setdefault(len(names), []).append(table)
    return tables


def _is_whole(table: str, row: tuple[Any, ...]) -> bool:
    try:
        return check(table, row)[columns()[table].index("crc")] is not None
    except (ValueError, TypeError, OverflowError):
        return False


def gather(database: sqlite3.Connection, pages: Pages, log_pages: Iterable[int], told: Progress) -> None:
    """Put the whole rows of a state of the file into `database`; `log_pages`, if any, are the only ones.

    Of two rows with one id the one that holds more stays: small chunks are written again as one, under
    the id of the last.
    """
    free = pages.free()
    numbers = list(log_pages) or range(1, pages.count + 1)
    for done, number in enumerate(numbers):
        if done % _TOLD == 0:
            told(done, len(numbers))
        if number not in free:
            for table, row in whole_rows(pages, number):
                _keep(database, table, row)
    told(len(numbers), len(numbers))


def _keep(database: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> None:
    marks = ", ".join("?" * len(row))
    # Names of tables are ours, here and below.
    if table in KEYS:
        at = columns()[table].index("n")
        known = database.execute(f"SELECT n FROM {table} WHERE id = ?", (row[0],)).fetchone()  # noqa: S608
        if known is not None and known[0] >= row[at]:
            return
    # What was found last counts: the write-ahead log is read after the file that it goes beyond.
    database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608


def drop_repeated(database: sqlite3.Connection) -> None:
    """Drop chunks whose rows stand in a bigger one too."""
    for table, key in KEYS.items():
        end: dict[object, int] = {}
        repeated = []
        query = f"SELECT id, {key}, first, n FROM {table} ORDER BY {key}, first, n DESC"  # noqa: S608
        for number, name, first, n in database.execute(query):
            if first < end.get(name, 0):
                repeated.append((number,))
            else:
                end[name] = first + n
        database.executemany(f"DELETE FROM {table} WHERE id = ?", repeated)  # noqa: S608
