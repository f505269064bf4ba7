"""The recorded requests of a device, each to be made once and about at its time."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator

from .dialect import Asked
from .rules import Rules, same
from .track import Request

_ELSEWHERE_NS = 1_000_000  # how much nearer a request about another place must be to seem the one meant
_INSTEAD_NS = 5_000_000  # how near in time a request seems to have been asked instead of another
_RHYTHM = 2  # how many requests show one
_ONE_MISSING = (1.5, 2.5)  # times the usual time between two, when one is missing
_EARLY = 0.4  # of the time between two recorded ones
_AROUND_NS = 120_000_000  # how far from a request those stand between which it may fit


class Requests:
    """Finds the recorded counterpart of what a controller asks, and those that it never asked."""

    def __init__(self, rules: Rules, end_ns: int) -> None:
        """Match by the rules until `end_ns`, then only what is the same: a safe value is none of a loop."""
        self.skipped = 0
        """How many were left out where the rules allow it."""
        self._rules = rules
        self._end_ns = end_ns
        self._waiting: dict[Hashable, list[Request]] = {}  # not made yet, by place, in time order
        self._read: deque[Request] = deque()  # in time order, those that were made too
        self._made: dict[Hashable, deque[Request]] = {}  # by place, those made not long ago
        self._held_ns: dict[Hashable, int] = {}  # by place, how long recorded ones were left out
        self._more: deque[int] = deque()  # when a place was asked about more often than in the recording

    def add(self, request: Request) -> None:
        """Wait for a request; they come in time order."""
        self._waiting.setdefault(request.asked.place, []).append(request)
        self._read.append(request)

    # What is asked ------------------------------------------------------------------------------

    def take(self, now_ns: int, asked: Asked) -> Request | None:
        """Return the counterpart of what is asked, which nobody gets again; None when there is none."""
        waiting = self._waiting.get(asked.place)
        if not waiting:
            return None
        latest_ns = now_ns + self._rules.window_ns
        found = _nearest(now_ns, (each for each in waiting if same(each.asked, asked)), latest_ns)
        if now_ns < self._end_ns and (found is None or found.time_ns != now_ns):
            found = self._fitting(now_ns, asked, waiting, latest_ns) or found
        if found is not None:
            if self._rules.skips:
                self._note(now_ns, found, waiting)
            waiting.remove(found)
            self._keep(found)
            found.made, found.tag = True, asked.tag
        return found

    def _fitting(self, now_ns: int, asked: Asked, waiting: list[Request], latest_ns: int) -> Request | None:
        """Return the nearest for which what is asked may stand: close to it, or in line with those around."""

        def fits(request: Asked, others: Iterable[Request]) -> bool:
            return self._rules.fits(request, [each.asked for each in others], held_ns)

        held_ns = self._held(asked.place, now_ns, waiting)
        live = [each for each in waiting if each.time_ns < self._end_ns]
        close = _nearest(now_ns, (each for each in live if fits(asked, [each])), latest_ns)
        if close is not None:
            return close
        made = list(self._made.get(asked.place, ()))
        around = [*made[-1:], *(each for each in made[:-1] + live if _apart(each, now_ns) <= _AROUND_NS)]
        if not fits(asked, around):
            return None
        in_line = (
            each for each in live if fits(each.asked, (other for other in around if other is not each))
        )
        return _nearest(now_ns, in_line, latest_ns)

    def _note(self, now_ns: int, found: Request, waiting: list[Request]) -> None:
        """Remember what tells later whether recorded requests were left out, or others asked instead."""
        place = found.asked.place
        self._held_ns[place] = self._held(place, found.time_ns, waiting)
        made = self._made.get(place)
        if made is None or len(made) < _RHYTHM:
            return
        usual_ns = made[-1].time_ns - made[-2].time_ns
        gap_ns = found.time_ns - made[-1].time_ns
        # Of requests that come in a rhythm one is missing in the recording, just where one is asked now.
        one_missing = _ONE_MISSING[0] * usual_ns < gap_ns < _ONE_MISSING[1] * usual_ns
        if one_missing and found.time_ns - now_ns > _EARLY * gap_ns:
            self._more.append(now_ns)

    def _held(self, place: Hashable, until_ns: int, waiting: list[Request]) -> int:
        """Return for how long until then recorded requests about a place were left out, all in all."""
        made = self._made.get(place)
        since_ns = made[-1].time_ns if made else 0
        left_out = next((each for each in waiting if since_ns < each.time_ns < until_ns), None)
        gap_ns = 0 if left_out is None else until_ns - (since_ns or left_out.time_ns)
        return self._held_ns.get(place, 0) + gap_ns

    def _keep(self, request: Request) -> None:
        """Remember it for as long as one beside it may be asked for or turn out not to be."""
        made = self._made.setdefault(request.asked.place, deque())
        made.append(request)
        while made[0].time_ns < request.time_ns - 2 * self._rules.grace_ns:
            made.popleft()

    def nearest(self, now_ns: int, asked: Asked) -> Request | None:
        """Return the one that was probably meant: what is left at this time."""

        def distance(request: Request) -> int:
            elsewhere = request.asked.place != asked.place
            return _apart(request, now_ns) + _ELSEWHERE_NS * elsewhere

        return min((each for each in self._read if not each.made), key=distance, default=None)

    # What is not --------------------------------------------------------------------------------

    def missed(self, now_ns: int) -> Iterator[Request]:
        """Yield those whose time is over and which were not made, each once."""
        limit_ns = now_ns - self._rules.grace_ns
        while self._read and self._read[0].time_ns < limit_ns:
            request = self._read.popleft()
            if request.made:
                continue
            self._waiting[request.asked.place].remove(request)
            if request.time_ns >= self._end_ns and self._repeats(request):
                continue  # a poll that was due in the very moment in which the run ended
            if self._rules.skips and self._may_be_left_out(request) and not self._replaced(request):
                self.skipped += 1
            else:
                yield request

    def _repeats(self, request: Request) -> bool:
        """Whether the same was asked before."""
        made = self._made.get(request.asked.place, ())
        return any(same(request.asked, each.asked) for each in made)

    def _may_be_left_out(self, request: Request) -> bool:
        """Whether it is the same as one that was made not long before or after it, or in line with them."""
        made = self._made.get(request.asked.place, ())
        near = [each.asked for each in made if _apart(each, request.time_ns) <= self._rules.grace_ns]
        held_ns = self._held_ns.get(request.asked.place, 0)
        return any(same(request.asked, each) for each in near) or self._rules.fits(
            request.asked, near, held_ns
        )

    def _replaced(self, request: Request) -> bool:
        """Whether another place was asked about in its stead: too often, at the very time."""
        while self._more and self._more[0] < request.time_ns - _INSTEAD_NS:
            self._more.popleft()
        return bool(self._more) and self._more[0] <= request.time_ns + _INSTEAD_NS


def _nearest(now_ns: int, candidates: Iterable[Request], latest_ns: int) -> Request | None:
    """Return the nearest in time of those that come in time order; of two equally near ones the earlier."""
    best: Request | None = None
    for request in candidates:
        if request.time_ns > latest_ns:
            break
        if best is None or _apart(request, now_ns) < _apart(best, now_ns):
            best = request
        if request.time_ns >= now_ns:
            break
    return best


def _apart(request: Request, time_ns: int) -> int:
    return abs(request.time_ns - time_ns)
