"""Finds the small chunks that are to become one: the row of a chunk weighs as much as ten samples.

What is committed five times a second holds two samples of a signal that comes at 10 Hz. Such chunks are
written all the same, so that a crash costs next to nothing, and again as one when they are many. A
merged chunk takes the id of its last part. It is made when its parts are old, so that whoever reads on
from chunk to chunk has seen them all; who lags further behind may get their samples twice, never not.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from .rows import Row


class Columns(Protocol):
    """A chunk that was gathered: what its first field names, and as many rows as it has times."""

    @property
    def times(self) -> array[int]:
        """When each row was."""

    def __getitem__(self, at: int, /) -> object:
        """Return a field; the first is the signal, device or loop."""


Chunk = TypeVar("Chunk", bound=Columns)

_LEAVE = 160
"""Rows of a chunk that is left as it is: it fills most of a page of the file."""

_FULL = 1024
"""Rows that are enough for a merged chunk."""

_SPAN = 330
"""Commits over which a merged chunk may reach: 60 s."""

_AGE = 56
"""Commits that pass before a chunk is merged: 10 s."""


@dataclass
class Group(Generic[Chunk]):
    """Chunks of one signal, device or loop that follow each other, and their ids."""

    ids: list[int] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    rows: int = 0
    begun: int = 0


class Merger(Generic[Chunk]):
    """Gathers what was written to one table of chunks."""

    def __init__(self, table: str, row: Callable[[Chunk], Row], join: Callable[[list[Chunk]], Chunk]) -> None:
        """`row` makes the row of a chunk, without id and crc; `join` makes one chunk of several."""
        self.table = table
        self.row = row
        self.join = join
        self._open: dict[object, Group[Chunk]] = {}
        self._full: deque[tuple[int, Group[Chunk]]] = deque()
        self._commits = 0

    def note(self, ids: Iterable[int], chunks: Iterable[Chunk]) -> None:
        """Note the chunks of a commit and the ids under which they were written."""
        self._commits += 1
        for number, chunk in zip(ids, chunks, strict=True):
            self._note(number, chunk)

    def _note(self, number: int, chunk: Chunk) -> None:
        key, rows = chunk[0], len(chunk.times)
        if rows >= _LEAVE:
            self._close(key)
            return
        group = self._open.setdefault(key, Group(begun=self._commits))
        group.ids.append(number)
        group.chunks.append(chunk)
        group.rows += rows
        if group.rows >= _FULL or self._commits - group.begun >= _SPAN:
            self._close(key)

    def ripe(self) -> list[Group[Chunk]]:
        """Return the groups to be merged with the next commit."""
        found = []
        while self._full and self._full[0][0] <= self._commits - _AGE:
            found.append(self._full.popleft()[1])
        return found

    def rest(self) -> list[Group[Chunk]]:
        """Return all that is left to be merged at the end."""
        for key in list(self._open):
            self._close(key)
        found = [group for _, group in self._full]
        self._full.clear()
        return found

    def _close(self, key: object) -> None:
        group = self._open.pop(key, None)
        if group is not None and len(group.ids) > 1:
            self._full.append((self._commits, group))
