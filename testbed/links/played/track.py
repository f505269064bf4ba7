"""A device's recorded frames, cut into requests, answers and marks, read no further than is needed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from testbed.links.base import Direction

from .dialect import Asked, Dialect

RawFrame = tuple[int, Direction, bytes]
"""(time in session ns, direction, bytes), as a session file gives them back."""


@dataclass(eq=False, slots=True)
class Request:
    """A recorded request, and what became of it in this replay."""

    time_ns: int
    connection: int
    asked: Asked
    data: bytes
    made: bool = False
    tag: Hashable = None
    """The tag under which the controller made it."""
    answers: list[Answer] = field(default_factory=list)
    """Those that have been read so far and wait for it."""


class Part(NamedTuple):
    """What one recorded frame holds of an answer; `chunk` and `at` are the frame's number and the place."""

    time_ns: int
    chunk: int
    at: int
    size: int


@dataclass(eq=False, slots=True)
class Answer:
    """Bytes from the device, in the parts in which they came; `request` is None for what came unasked."""

    connection: int
    data: bytes
    parts: list[Part]
    request: Request | None


@dataclass(eq=False, slots=True)
class Mark:
    """The link was opened, lost, or could not be opened (`opens` is False before any data of it)."""

    time_ns: int
    chunk: int
    connection: int
    direction: Direction
    data: bytes


Item = Request | Answer | Mark


class Track:
    """Reads frames one by one; a connection's answers belong to its own requests."""

    def __init__(self, frames: Iterable[RawFrame], dialect: Dialect) -> None:
        self.time_ns = -1
        """When the last frame that was read passed."""
        self.ended = False
        self.connection = 0
        self._frames: Iterator[RawFrame] = iter(frames)
        self._dialect = dialect
        self._chunk = 0
        self._rest = b""
        self._parts: list[Part] = []  # of the rest
        self._latest: dict[Hashable, Request] = {}

    @property
    def halfway(self) -> bool:
        """Whether something has begun to come whose end is not read yet."""
        return bool(self._rest)

    def read(self) -> list[Item]:
        """Return what the next frame completes; at the end, what is left over."""
        frame = next(self._frames, None)
        if frame is None:
            self.ended = True
            return self._left_over()
        time_ns, direction, data = frame
        self.time_ns = max(time_ns, self.time_ns)
        self._chunk += 1
        if direction == Direction.RX:
            return self._received(time_ns, data)
        if direction == Direction.TX:
            return self._sent(time_ns, data)
        left = self._left_over()
        self._latest.clear()
        self.connection += direction == Direction.OPEN
        return [*left, Mark(time_ns, self._chunk, self.connection, Direction(direction), data)]

    def _sent(self, time_ns: int, data: bytes) -> list[Item]:
        """Cut what was written at once; what is no whole request is taken as it is."""
        items: list[Item] = []
        at = 0
        for asked in self._dialect.requests(data):
            request = Request(time_ns, self.connection, asked, data[at : at + asked.size])
            at += asked.size
            items.append(request)
            if asked.tag is not None:
                self._latest[asked.tag] = request
        if at < len(data):
            items.append(Request(time_ns, self.connection, Torn(len(data) - at, data[at:]), data[at:]))
        return items

    def _received(self, time_ns: int, data: bytes) -> list[Item]:
        if not data:
            return []
        buffer = self._rest + data
        self._parts.append(Part(time_ns, self._chunk, 0, len(data)))
        items: list[Item] = []
        at = 0
        for heard in self._dialect.answers(buffer):
            items.append(self._answer(buffer[at : at + heard.size], heard.tag))
            at += heard.size
        self._rest = buffer[at:]
        return items

    def _left_over(self) -> list[Item]:
        """Return the bytes that nothing completed: they are delivered all the same."""
        rest, self._rest = self._rest, b""
        return [self._answer(rest, None)] if rest else []

    def _answer(self, data: bytes, tag: Hashable) -> Answer:
        request = None if tag is None else self._latest.get(tag)
        return Answer(self.connection, data, self._take(len(data)), request)

    def _take(self, size: int) -> list[Part]:
        """Return the parts that the first `size` bytes came in."""
        taken: list[Part] = []
        while size:
            part = self._parts[0]
            if part.size > size:
                taken.append(part._replace(size=size))
                self._parts[0] = part._replace(at=part.at + size, size=part.size - size)
                return taken
            taken.append(self._parts.pop(0))
            size -= part.size
        return taken


class Torn(NamedTuple):
    """Bytes that are no whole request."""

    size: int
    content: bytes
    place: Hashable = None
    tag: Hashable = None
