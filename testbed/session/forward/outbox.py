"""What a session file holds that has not been sent yet, in batches that fit into memory."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec

from testbed.session.file import UNFINISHED, Chunk, SessionReader, TwinState
from testbed.signals import Command, Event

from .points import Last, Points, Reasons

Row = TypeVar("Row", Command, Event, TwinState)

_LIMIT = 10_000
"""Samples of a batch, about."""

_ALWAYS = 1 << 63
"""A time that never comes."""


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
        """Return the next batch: about `limit` samples, or a chunk if that is longer, and what came with it.

        It is empty when everything that is committed has been sent.
        """
        verdict = self._session.verdict()  # first: all of a session that has ended is committed
        batch = Batch(copy.deepcopy(position))
        after = batch.position
        if not after.started:
            batch.add("session", [self._points.start(self._session.span()[0])])
            after.started = True
        horizon = self._read_chunks(batch, limit)
        room = max(limit, batch.size)  # of every other kind, no more than there are samples
        horizon = self._read_cycles(batch, room, horizon)
        self._read_rows(batch, room, horizon)
        if not batch.parts and not after.ended and verdict != UNFINISHED:
            came_to = self._points.end(self._session.span(), verdict, self._session.expectations())
            batch.add("verdict", list(came_to))
            after.ended = True
        return batch

    def _read_chunks(self, batch: Batch, limit: int) -> int:
        """Add chunks until there are enough; return up to which time, so that the rest keeps pace."""
        after = batch.position
        for chunk in self._session.chunks(after.chunk):
            after.chunk = chunk.id
            if rest := _unsent(chunk, after.samples.get(chunk.signal, 0)):
                count = len(rest.times)
                lines = self._points.samples(rest, self._reasons(rest), after.last)
                batch.add(self._session.signals[rest.signal].path, lines, count)
                after.samples[rest.signal] = rest.first + count
                if batch.size >= limit:
                    return rest.times[-1]
        return _ALWAYS

    def _reasons(self, chunk: Chunk) -> Reasons:
        if not any(chunk.qualities):
            return self._none
        return Reasons(*self._session.reasons(chunk.signal))

    def _read_cycles(self, batch: Batch, limit: int, horizon: int) -> int:
        """Add cycles up to the horizon; return where it is now, if they were too many."""
        after, full = batch.position, batch.size + limit
        for number, loop, cycles in self._session.cycle_chunks(after.cycle):
            if batch.size >= full:
                return min(horizon, cycles[0].time_ns)
            if cycles[0].time_ns > horizon:
                break
            after.cycle = number
            batch.add(f"cycles of {loop}", [self._points.cycle(cycle, after.last) for cycle in cycles])
        return horizon

    def _read_rows(self, batch: Batch, limit: int, horizon: int) -> None:
        after, points, session = batch.position, self._points, self._session

        def read(
            what: str, rows: Iterator[tuple[int, Row]], line: Callable[[Row, Last], str | None], last: int
        ) -> int:
            found: list[str] = []
            for number, row in rows:
                if row.time_ns > horizon or len(found) >= limit:
                    break
                last = number
                if (text := line(row, after.last)) is not None:
                    found.append(text)
            if found:
                batch.add(what, found)
            return last

        after.command = read("commands", session.commands_after(after.command), points.command, after.command)
        after.event = read("events", session.events_after(after.event), points.event, after.event)
        after.twin_state = read(
            "states of twins",
            session.twin_states_after(after.twin_state),
            points.twin_state,
            after.twin_state,
        )


def _unsent(chunk: Chunk, sent: int) -> Chunk | None:
    """Return the part of a chunk behind the first `sent` samples of its signal."""
    skip = max(0, sent - chunk.first)
    if skip >= len(chunk.times):
        return None
    if not skip:
        return chunk
    rest = chunk.times[skip:], chunk.values[skip:], chunk.qualities[skip:]
    return Chunk(chunk.id, chunk.signal, chunk.first + skip, *rest)
