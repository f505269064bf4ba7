"""Plays a device's side from its recording: what comes unasked by the clock, answers when they are asked for.

No I/O and no clock here: the time is an argument, in the session time of the recording. Whoever owns a
script opens it, tells it what the controller sends, and hands over what is due.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from testbed.links.base import Direction

from .dialect import Asked, Dialect
from .outcomes import Delivery, Divergence, Loss, Opened, Parting, Refused, WaitUntil
from .rules import Rules
from .track import Answer, Mark, Part, RawFrame, Request, Track

_OVER = "the recording holds no further connection"
_ELSEWHERE_NS = 1_000_000  # how much nearer a request about another place must be to seem the one meant


class _Due(NamedTuple):
    """Something with its place in the recorded order; `part` counts the parts of an answer."""

    time_ns: int
    chunk: int
    at: int
    part: int
    what: Answer | Mark


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
        self.skipped = 0
        """How many recorded requests were left out where the rules allow it."""
        self._dialect = dialect
        self._end_ns = end_ns
        self._diverged = diverged
        self._rules = rules or Rules()
        self._track = Track(frames, dialect)
        self._waiting: dict[Hashable, list[Request]] = {}  # not made yet, by place, in time order
        self._expiring: deque[Request] = deque()  # all that were read, in time order
        self._made_ns: dict[Hashable, int] = {}  # the recorded time of the last request made, by place
        self._ready: list[_Due] = []
        self._begun: _Due | None = None  # the rest of an answer of which a part was delivered
        self._unsent = b""  # of a request that is not whole yet
        self._attempts: deque[Mark] = deque()
        self._losses: dict[int, Mark] = {}  # by connection
        self._ended: dict[int, int] = {}  # when a connection was lost; 0: the controller closed it
        self._open = False
        self._connection = 0
        self._marked = False
        self._read_one()

    # Opening and closing ------------------------------------------------------------------------

    def open(self, now_ns: int, *, wait: bool = True) -> Opened | Refused | WaitUntil:
        """Attempt to open the link, as often as WaitUntil says; without `wait`, settle it at once."""
        self._read_until(now_ns)
        if not self._marked:  # a recording without marks: it was open before anything else
            self._open = True
            return Opened(b"")
        while not self._attempts and not self._track.ended:
            self._read_one()
        self._pass_over(now_ns)
        if not self._attempts:
            if now_ns < self._end_ns:
                self._diverged(Divergence(now_ns, Parting.OPENED))
            return Refused(_OVER)
        mark = self._attempts[0]
        refused = mark.direction is Direction.LOST
        if mark.time_ns > now_ns and (wait or mark.time_ns > now_ns + self._rules.window_ns):
            if wait:
                return WaitUntil(mark.time_ns, refused)
            return Refused("in the recording it was opened later")
        self._attempts.popleft()
        if refused:
            return Refused(mark.data.decode("utf-8", "replace"))
        self._open, self._connection, self._unsent = True, mark.connection, b""
        return Opened(mark.data)

    def close(self) -> None:
        """Note that the controller closed the link."""
        if not self._open:
            return
        self._shut()
        # A loss that the recording has after it closed too was that of another attempt to open.
        self._ended.setdefault(self._connection, 0)
        if (mark := self._losses.pop(self._connection, None)) is not None:
            self._attempts.appendleft(mark)

    def _shut(self) -> None:
        self._open = False
        self._begun = None
        self._unsent = b""

    def _pass_over(self, now_ns: int) -> None:
        """Forget attempts that the controller did not make: a later one has come to pass since."""
        attempts = self._attempts
        while attempts:
            over = self._ended.get(attempts[0].connection, now_ns + 1) <= now_ns
            mark = attempts[0]
            followed = len(attempts) > 1 and attempts[1].time_ns <= now_ns
            if mark.direction is Direction.OPEN:
                if not (over or followed):
                    return
                self._diverged(Divergence(mark.time_ns, Parting.UNOPENED))
            elif not followed:
                return
            attempts.popleft()

    # The controller's side ----------------------------------------------------------------------

    def sent(self, now_ns: int, data: bytes) -> None:
        """Take what the controller sends; ask `next_due` afterwards."""
        self._read_until(now_ns + self._rules.window_ns)
        self._expire(now_ns)
        buffer = self._unsent + data
        at = 0
        for asked in self._dialect.requests(buffer):
            self._ask(now_ns, asked, buffer[at : at + asked.size])
            at += asked.size
        self._unsent = buffer[at:]

    def _ask(self, now_ns: int, asked: Asked, data: bytes) -> None:
        request = self._counterpart(now_ns, asked)
        if request is None:
            if now_ns < self._end_ns:
                self._diverged(Divergence(now_ns, Parting.ASKED, data, self._nearest(now_ns, asked)))
            return
        self._waiting[asked.place].remove(request)
        self._made_ns[asked.place] = request.time_ns
        request.made, request.tag = True, asked.tag
        for answer in request.answers:
            self._release(answer)
        request.answers.clear()

    def _counterpart(self, now_ns: int, asked: Asked) -> Request | None:
        best: Request | None = None
        for request in self._waiting.get(asked.place, ()):
            if request.time_ns > now_ns + self._rules.window_ns:
                break
            if self._rules.near(request.asked, asked):
                if best is None or abs(request.time_ns - now_ns) < now_ns - best.time_ns:
                    best = request
                if request.time_ns >= now_ns:
                    break
        return best

    def _nearest(self, now_ns: int, asked: Asked) -> tuple[int, bytes] | None:
        """Return the recorded request that was probably meant: what is left at this time."""

        def distance(request: Request) -> int:
            elsewhere = request.asked.place != asked.place
            return abs(request.time_ns - now_ns) + _ELSEWHERE_NS * elsewhere

        request = min((each for each in self._expiring if not each.made), key=distance, default=None)
        return None if request is None else (request.time_ns, request.data)

    # The device's side --------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """Return when to ask `due` next, None when nothing comes before another request."""
        times = [mark.time_ns for mark in self._loss()]
        if self._begun is not None:
            times.append(self._begun.time_ns)
        elif self._ready:
            times.append(self._ready[0].time_ns)
        if not self._track.ended:
            times.append(self._track.time_ns)  # what comes after it has not been read
        return min(times, default=None)

    def due(self, now_ns: int) -> list[Delivery | Loss]:
        """Return what has come by now, in order; bytes that came together come together."""
        self._read_until(now_ns + self._rules.window_ns)
        self._expire(now_ns)
        found: list[Delivery | Loss] = []
        chunk = -1
        while (due := self._pop(now_ns)) is not None:
            if isinstance(due.what, Mark):
                self._shut()
                found.append(Loss(due.time_ns, due.what.data.decode("utf-8", "replace")))
                continue
            data = self._part(due, due.what)
            if not self._open or due.what.connection < self._connection:
                continue  # the device spoke while nobody listened
            last = found[-1] if found else None
            if due.chunk == chunk and isinstance(last, Delivery):
                found[-1] = Delivery(last.time_ns, last.data + data)
            else:
                found.append(Delivery(due.time_ns, data))
            chunk = due.chunk
        return found

    def _pop(self, now_ns: int) -> _Due | None:
        """Take what comes next, if it is due."""
        due = self._begun or (self._ready[0] if self._ready else None)
        for mark in self._loss():
            if due is None or (mark.time_ns, mark.chunk) < (due.time_ns, due.chunk):
                return _Due(mark.time_ns, mark.chunk, 0, 0, mark) if mark.time_ns <= now_ns else None
        if due is None or due.time_ns > now_ns:
            return None
        if due is not self._begun:
            heapq.heappop(self._ready)
        self._begun = None
        return due

    def _loss(self) -> list[Mark]:
        """Return the loss that the open link is heading for, if it has been read."""
        mark = self._losses.get(self._connection) if self._open else None
        return [] if mark is None else [mark]

    def _part(self, due: _Due, answer: Answer) -> bytes:
        """Return the bytes of one part, and let the next one follow before anything else."""
        start = sum(part.size for part in answer.parts[: due.part])
        if due.part + 1 == len(answer.parts):
            return answer.data[start:]
        self._begun = _due(answer, due.part + 1)
        return answer.data[start : start + answer.parts[due.part].size]

    def _release(self, answer: Answer) -> None:
        """Let an answer come when it is due: whoever asks for it has asked."""
        request = answer.request
        if request is not None and request.tag != request.asked.tag:
            answer.data = self._dialect.patched(answer.data, request.asked.tag, request.tag)
        heapq.heappush(self._ready, _due(answer, 0))

    # The end ------------------------------------------------------------------------------------

    def finish(self, now_ns: int) -> None:
        """Tell of all that the recording holds until now and the controller did not do."""
        self._read_until(now_ns)
        if self._unsent and now_ns < self._end_ns:
            self._diverged(Divergence(now_ns, Parting.ASKED, self._unsent))
        self._expire(now_ns + self._rules.grace_ns)
        for mark in self._attempts:
            if mark.direction is Direction.OPEN and mark.time_ns <= now_ns:
                self._diverged(Divergence(mark.time_ns, Parting.UNOPENED))
        self._attempts.clear()

    def _expire(self, now_ns: int) -> None:
        limit_ns = now_ns - self._rules.grace_ns
        while self._expiring and self._expiring[0].time_ns < limit_ns:
            request = self._expiring.popleft()
            if request.made:
                continue
            self._waiting[request.asked.place].remove(request)
            if self._rules.skips and self._made_beside(request):
                self.skipped += 1
            else:
                self._diverged(Divergence(request.time_ns, Parting.MISSED, request.data))

    def _made_beside(self, request: Request) -> bool:
        made_ns = self._made_ns.get(request.asked.place)
        return made_ns is not None and abs(made_ns - request.time_ns) <= self._rules.grace_ns

    # Reading ahead ------------------------------------------------------------------------------

    def _read_until(self, time_ns: int) -> None:
        track = self._track
        while not track.ended and (track.time_ns <= time_ns or track.halfway):
            self._read_one()

    def _read_one(self) -> None:
        for item in self._track.read():
            if isinstance(item, Request):
                self._waiting.setdefault(item.asked.place, []).append(item)
                self._expiring.append(item)
            elif isinstance(item, Mark):
                self._mark(item)
            elif item.request is None or item.request.made:
                self._release(item)
            else:
                item.request.answers.append(item)

    def _mark(self, mark: Mark) -> None:
        if mark.chunk == 1:
            self._marked = True
        if mark.direction is Direction.LOST and mark.connection and mark.connection not in self._ended:
            self._ended[mark.connection] = mark.time_ns
            self._losses[mark.connection] = mark
        else:
            self._attempts.append(mark)


def _due(answer: Answer, number: int) -> _Due:
    part: Part = answer.parts[number]
    return _Due(part.time_ns, part.chunk, part.at, number, answer)
