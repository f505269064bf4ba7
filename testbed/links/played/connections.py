"""When a device could be reached: the marks of a recording, and where the controller stands with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from testbed.links.base import Direction

from .outcomes import Opened, Refused, WaitUntil
from .track import Mark

_OVER = Refused("the recording holds no further connection")
_LATER = Refused("in the recording it was opened later")


class Connections:
    """Every attempt to open gets the next recorded one; what the recording lost is lost at its time."""

    def __init__(self) -> None:
        self.open = False
        self.current = 0
        """The number of the connection that is or was open last; 0 in a recording without marks."""
        self.attempts: deque[Mark] = deque()
        """Those that were read and not made yet."""
        self.lost_at_last = False
        """Whether the last mark that was read is a loss: at its end, a recording then tries or waits."""
        self._losses: dict[int, Mark] = {}
        self._ended: dict[int, int] = {}  # when it was lost, 0: the controller closed it

    def add(self, mark: Mark) -> None:
        """Take a mark, in time order."""
        lost = self.lost_at_last = mark.direction == Direction.LOST
        if lost and mark.connection and mark.connection not in self._ended:
            self._ended[mark.connection] = mark.time_ns
            self._losses[mark.connection] = mark
        else:
            self.attempts.append(mark)

    def attempt(self, now_ns: int, patience_ns: int | None) -> Opened | Refused | WaitUntil:
        """Try to open; what is to come within `patience_ns` comes now (None: one waits for it)."""
        if not self.attempts:
            return _OVER
        mark = self.attempts[0]
        refused = mark.direction == Direction.LOST
        if mark.time_ns > now_ns and patience_ns is None:
            return WaitUntil(mark.time_ns, refused)
        if mark.time_ns > now_ns + (patience_ns or 0):
            return _LATER
        self.attempts.popleft()
        if refused:
            return Refused(text_of(mark))
        self.open, self.current = True, mark.connection
        return Opened(mark.data)

    def passed(self, now_ns: int) -> Iterator[Mark]:
        """Forget the attempts that a later one has overtaken; yield the connections among them."""
        attempts = self.attempts
        while attempts:
            mark = attempts[0]
            opens = mark.direction == Direction.OPEN
            ended = opens and self._ended.get(mark.connection, now_ns + 1) <= now_ns
            overtaken = len(attempts) > 1 and attempts[1].time_ns <= now_ns
            if not (ended or overtaken):
                return
            attempts.popleft()
            if opens:
                yield mark

    def close(self) -> None:
        """Note that the controller closed the link."""
        if not self.open:
            return
        self.open = False
        # A loss that the recording has after it closed too was that of another attempt to open.
        self._ended.setdefault(self.current, 0)
        if (mark := self._losses.pop(self.current, None)) is not None:
            self.attempts.appendleft(mark)

    def loss(self) -> Mark | None:
        """Return the loss that the open link is heading for, if it has been read."""
        return self._losses.get(self.current) if self.open else None

    def lose(self) -> None:
        """Note that it has come."""
        self.open = False


def text_of(mark: Mark) -> str:
    """Return the reason that stands in a mark."""
    return mark.data.decode("utf-8", "replace")
