"""Plays a device's side from its recording: what comes unasked by the clock, answers when they are asked for.

No I/O and no clock here: the time is an argument, in the session time of the recording. Whoever owns a
script opens it, tells it what the controller sends, and hands over what is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from testbed.links.base import Direction

from .connections import Connections, text_of
from .dialect import Asked, Dialect
from .outcomes import Delivery, Divergence, Loss, Opened, Parting, Refused, WaitUntil
from .pending import Due, Pending
from .requests import Requests
from .rules import Rules
from .track import Answer, Mark, RawFrame, Request, Track

_LATER_NS = 3600 * 10**9
"""After the end of a recording, and after that of whoever plays it."""


class Script:
    """One device's recording, played to one controller.

    A request takes the recorded one about the same place and with the same content that is nearest in
    time, within the rules' window; its recorded answers come at their recorded times, or at once when
    those have passed, with the recorded time as their stamp. A request that the recording does not
    hold is told to `diverged` and never answered; a recorded request that is not made in time is told
    too, and its answers do not come. From `end_ns` on (the recorded run was ending) a request that is
    not recorded is left unanswered without a word.

    Frames are read as time goes on, so a recording of any length fits.
    """

    def __init__(
        self,
        frames: Iterable[RawFrame],
        dialect: Dialect,
        *,
        end_ns: int,
        diverged: Callable[[Divergence], None],
        rules: Rules | None = None,
    ) -> None:
        self._dialect = dialect
        self._end_ns = end_ns
        self._diverged = diverged
        self._rules = rules or Rules()
        self._track = Track(frames, dialect)
        self._requests = Requests(self._rules, end_ns)
        self._connections = Connections()
        self._pending = Pending()
        self._unsent = b""  # of a request that is not whole yet
        self._read_one()
        self._marked = bool(self._connections.attempts)

    @property
    def skipped(self) -> int:
        """How many recorded requests were left out where the rules allow it."""
        return self._requests.skipped

    # The link -----------------------------------------------------------------------------------

    def open(self, now_ns: int, *, wait: bool = True) -> Opened | Refused | WaitUntil:
        """Attempt to open the link, as often as WaitUntil says; without `wait`, settle it at once."""
        if not self._marked:  # a recording without marks: it was open before anything else
            self._connections.open = True
            return Opened(b"")
        self._read_until(now_ns)
        while not self._connections.attempts and not self._track.ended:
            self._read_one()
        for mark in self._connections.passed(now_ns):
            self._diverged(Divergence(mark.time_ns, Parting.UNOPENED))
        if not self._connections.attempts and now_ns < self._end_ns:
            if wait and self._connections.lost_at_last:
                return WaitUntil(self._end_ns + _LATER_NS, True)  # as the recorded one, which had no end
            self._diverged(Divergence(now_ns, Parting.OPENED))
        return self._connections.attempt(now_ns, None if wait else self._rules.window_ns)

    def next_attempt(self) -> WaitUntil | None:
        """Return when the next attempt to open was made and how it ended, as far as that has been read."""
        if not self._connections.attempts:
            return None
        mark = self._connections.attempts[0]
        return WaitUntil(mark.time_ns, mark.direction == Direction.LOST)

    def close(self) -> None:
        """Note that the controller closed the link."""
        self._connections.close()
        self._shut()

    def _shut(self) -> None:
        self._pending.forget_begun()
        self._unsent = b""

    # The controller's side ----------------------------------------------------------------------

    def sent(self, now_ns: int, data: bytes) -> None:
        """Take what the controller sends; ask `next_due` afterwards."""
        self._read_until(now_ns + self._rules.window_ns)
        self._tell_missed(now_ns)
        buffer = self._unsent + data
        at = 0
        for asked in self._dialect.requests(buffer):
            self._ask(now_ns, asked, buffer[at : at + asked.size])
            at += asked.size
        self._unsent = buffer[at:]

    def _ask(self, now_ns: int, asked: Asked, data: bytes) -> None:
        request = self._requests.take(now_ns, asked)
        if request is None:
            if now_ns < self._end_ns - self._rules.ending_ns:
                nearest = self._requests.nearest(now_ns, asked)
                beside = None if nearest is None else (nearest.time_ns, nearest.data)
                self._diverged(Divergence(now_ns, Parting.ASKED, data, beside))
            return
        for answer in request.answers:
            self._release(answer, request)
        request.answers.clear()

    def _release(self, answer: Answer, request: Request) -> None:
        """Let an answer come when it is due: whoever asks for it has asked."""
        if request.tag != request.asked.tag:
            answer.data = self._dialect.patched(answer.data, request.asked.tag, request.tag)
        self._pending.add(answer)

    # The device's side --------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """Return when to ask `due` next, None when nothing comes before another request."""
        first, loss = self._pending.first(), self._connections.loss()
        times = [each.time_ns for each in (first, loss) if each is not None]
        if not self._track.ended:
            times.append(self._track.time_ns)  # what comes after it has not been read
        return min(times, default=None)

    def due(self, now_ns: int) -> list[Delivery | Loss]:
        """Return what has come by now, in order; bytes that came together come together."""
        self._read_until(now_ns + self._rules.window_ns)
        self._tell_missed(now_ns)
        found: list[Delivery | Loss] = []
        chunk = -1
        while (each := self._next(now_ns)) is not None:
            if isinstance(each, Mark):
                self._connections.lose()
                self._shut()
                found.append(Loss(each.time_ns, text_of(each)))
            elif self._listening(each.answer):
                last = found[-1] if found else None
                if each.chunk == chunk and isinstance(last, Delivery):
                    found[-1] = Delivery(last.time_ns, last.data + each.data)
                else:
                    found.append(Delivery(each.time_ns, each.data))
                chunk = each.chunk
        return found

    def _next(self, now_ns: int) -> Due | Mark | None:
        """Take what comes next, if it is due."""
        first, loss = self._pending.first(), self._connections.loss()
        if loss is not None and (first is None or (loss.time_ns, loss.chunk) < (first.time_ns, first.chunk)):
            return loss if loss.time_ns <= now_ns else None
        if first is None or first.time_ns > now_ns:
            return None
        return self._pending.pop()

    def _listening(self, answer: Answer) -> bool:
        """Whether the controller is there to hear it: a device speaks all the same."""
        return self._connections.open and answer.connection >= self._connections.current

    # The end ------------------------------------------------------------------------------------

    def finish(self, now_ns: int) -> None:
        """Tell of all that the recording holds until now and the controller did not do."""
        self._read_until(now_ns)
        if self._unsent and now_ns < self._end_ns:
            self._diverged(Divergence(now_ns, Parting.ASKED, self._unsent))
        self._tell_missed(now_ns + self._rules.grace_ns)
        for mark in self._connections.attempts:
            if mark.direction == Direction.OPEN and mark.time_ns <= now_ns:
                self._diverged(Divergence(mark.time_ns, Parting.UNOPENED))

    def _tell_missed(self, now_ns: int) -> None:
        for request in self._requests.missed(now_ns):
            self._diverged(Divergence(request.time_ns, Parting.MISSED, request.data))

    # Reading ahead ------------------------------------------------------------------------------

    def _read_until(self, time_ns: int) -> None:
        track = self._track
        while not track.ended and (track.time_ns <= time_ns or track.halfway):
            self._read_one()

    def _read_one(self) -> None:
        for item in self._track.read():
            if isinstance(item, Request):
                self._requests.add(item)
            elif isinstance(item, Mark):
                self._connections.add(item)
            elif item.request is None:
                self._pending.add(item)
            elif item.request.made:
                self._release(item, item.request)
            else:
                item.request.answers.append(item)
