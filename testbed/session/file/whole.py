"""Notices what is missing from a session: rows number what they hold, and the end metadata tell how much."""

from __future__ import annotations


class Follow:
    """Follows rows of records `first` to `first + n` each; raises ValueError where some are missing."""

    def __init__(self, what: str, begins: int | None, total: int | None) -> None:
        """`begins` and `total` are where the records begin and end; None: not known."""
        self._what = what
        self._next = begins
        self._total = total

    def next(self, first: int, n: int) -> None:
        """Take the next row."""
        if self._next is not None and first != self._next:
            raise ValueError(f"{self._what}: the one that comes next is not number {first} but {self._next}")
        self._next = first + n

    def end(self) -> None:
        """Make sure that this was all."""
        found = self._next or 0
        if self._total is not None and found != self._total:
            raise ValueError(f"{self._what}: {found} were found of {self._total}")


class Unchecked(Follow):
    """Follows rows that are known to have gaps."""

    def __init__(self) -> None:
        super().__init__("", None, None)

    def next(self, first: int, n: int) -> None:
        """Take any row."""


def check_ids(
    table: str, count: int, low: int, high: int, total: int, begin: int | None, end: int | None
) -> None:
    """Raise ValueError unless the `count` ids, which sum up to `total`, are those from `low` to `high`.

    So it is when none is missing and none stands twice. `begin` and `end` are what the lowest and highest
    must be, where that is known.
    """
    if count != high - low + 1 or 2 * total != (low + high) * count or (begin or low) != low:
        raise ValueError(f"{table}: {count} rows were found, not those from {begin or low} to {high}")
    if end is not None and high != end:
        raise ValueError(f"{table}: {high} rows were found of {end}")
