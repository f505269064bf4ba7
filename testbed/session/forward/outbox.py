"""What a session file holds that has not been sent yet, in batches that fit into memory."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from testbed.session.file import UNFINISHED, Chunk, SessionReader

from .points import Last, Points, Reasons

Row = TypeVar("Row")

_LIMIT = 10_000
"""Points of a batch, about; InfluxDB's makers advise 5,000 to 10,000."""


class Position(msgspec.Struct):
    """How far a session has been sent: the last of each kind, and what has to be known of it."""

    chunk: int = 0
    cycle: int = 0
    command: int = 0
    event: int = 0
    twin_state: int = 0
    started: bool = False
    ended: bool = False
    samples: dict[int, int] = {}
    """How many samples of each signal have been sent."""
    last: Last = {}


class Part(NamedTuple):
    """Lines that stand or fall together: of one series, or at least of one kind."""

    what: str
    lines: list[str]
    samples: int = 0
    """How many samples of signals they are."""


@dataclass
class Batch:
    """What to send next, and the position when all of it has been taken."""

    position: Position
    parts: list[Part] = field(default_factory=list)
    size: int = 0
    """How many lines it has."""

    def add(self, what: str, lines: list[str], samples: int = 0) -> None:
        """Append a part."""
        self.parts.append(Part(what, lines, samples))
        self.size += len(lines)


class Outbox:
    """Reads a session on from a position; no read lock is held between two calls."""

    def __init__(self, session: SessionReader) -> None:
        self._session = session
        self._points = Points(session.path, session.meta(), session.signals)
        self._none = Reasons(array("q"), [])

    @property
    def total(self) -> int:
        """How many samples the file holds by now."""
        return sum(newest.total for newest in self._session.newest().values())

    def read(self, position: Position, limit: int = _LIMIT) -> Batch:
        """Return the next batch, of about `limit` lines or of one chunk if that is longer.

        It is empty when everything that is committed has been sent.
        """
        verdict = self._session.verdict()  # first: all of a session that has ended is committed
        batch = Batch(copy.deepcopy(position))
        after = batch.position
        if not after.started:
            batch.add("session", [self._points.start(self._session.span()[0])])
            after.started = True
        self._read_chunks(batch, limit)
        self._read_cycles(batch, limit)
        self._read_rows(batch, limit)
        if not batch.parts and not after.ended and verdict != UNFINISHED:
            came_to = self._points.end(self._session.span(), verdict, self._session.expectations())
            batch.add("verdict", list(came_to))
            after.ended = True
        return batch

    def _read_chunks(self, batch: Batch, limit: int) -> None:
        after = batch.position
        for chunk in self._session.chunks(after.chunk):
            after.chunk = chunk.id
            if rest := _unsent(chunk, after.samples.get(chunk.signal, 0)):
                count = len(rest.times)
                lines = self._points.samples(rest, self._reasons(rest), after.last)
                batch.add(self._session.signals[rest.signal].path, lines, count)
                after.samples[rest.signal] = rest.first + count
                if batch.size >= limit:
                    break

    def _reasons(self, chunk: Chunk) -> Reasons:
        if not any(chunk.qualities):
            return self._none
        return Reasons(*self._session.reasons(chunk.signal))

    def _read_cycles(self, batch: Batch, limit: int) -> None:
        after = batch.position
        for number, loop, cycles in self._session.cycle_chunks(after.cycle):
            if batch.size >= limit:
                break
            after.cycle = number
            lines = [self._points.cycle(cycle, after.last) for cycle in cycles]
            batch.add(f"cycles of {loop}", lines)

    def _read_rows(self, batch: Batch, limit: int) -> None:
        after, points, session = batch.position, self._points, self._session
        after.command = self._read_table(
            batch, "commands", session.commands_after(after.command), points.command, after.command, limit
        )
        after.event = self._read_table(
            batch, "events", session.events_after(after.event), points.event, after.event, limit
        )
        after.twin_state = self._read_table(
            batch, "states of twins", session.twin_states_after(after.twin_state), points.twin_state,
            after.twin_state, limit,
        )  # fmt: skip

    def _read_table(
        self,
        batch: Batch,
        what: str,
        rows: Iterator[tuple[int, Row]],
        line: Callable[[Row, Last], str | None],
        after: int,
        limit: int,
    ) -> int:
        """Add the next rows of a table to the batch and return the id of the last one."""
        found = []
        for number, row in islice(rows, max(limit - batch.size, 0)):
            after = number
            if (text := line(row, batch.position.last)) is not None:
                found.append(text)
        if found:
            batch.add(what, found)
        return after


def _unsent(chunk: Chunk, sent: int) -> Chunk | None:
    """Return the part of a chunk behind the first `sent` samples of its signal."""
    skip = max(0, sent - chunk.first)
    if skip >= len(chunk.times):
        return None
    if not skip:
        return chunk
    rest = chunk.times[skip:], chunk.values[skip:], chunk.qualities[skip:]
    return Chunk(chunk.id, chunk.signal, chunk.first + skip, *rest)
