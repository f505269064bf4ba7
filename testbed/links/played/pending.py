"""What is on its way to the controller, in the order of the recording."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from .track import Answer


class Due(NamedTuple):
    """One part of an answer with its place in the recorded order."""

    time_ns: int
    chunk: int
    at: int
    number: int
    answer: Answer

    @property
    def data(self) -> bytes:
        """The bytes of this part; the last one takes all that is left."""
        answer, parts = self.answer, self.answer.parts
        start = sum(part.size for part in parts[: self.number])
        end = None if self.number + 1 == len(parts) else start + parts[self.number].size
        return answer.data[start:end]


class Pending:
    """Answers by the recorded time of their next part; one that has begun is finished before any other."""

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._begun: Due | None = None

    def add(self, answer: Answer) -> None:
        """Let an answer come when it is due."""
        heapq.heappush(self._heap, _due(answer, 0))

    def first(self) -> Due | None:
        """Return what comes next."""
        return self._begun or (self._heap[0] if self._heap else None)

    def pop(self) -> Due:
        """Take what comes next."""
        due = self._begun or heapq.heappop(self._heap)
        more = due.number + 1 < len(due.answer.parts)
        self._begun = _due(due.answer, due.number + 1) if more else None
        return due

    def forget_begun(self) -> None:
        """Let nothing follow what has begun: the link is gone."""
        self._begun = None


def _due(answer: Answer, number: int) -> Due:
    part = answer.parts[number]
    return Due(part.time_ns, part.chunk, part.at, number, answer)
