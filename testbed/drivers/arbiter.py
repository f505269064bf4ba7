"""Who may speak on a wire that carries a limited number of requests at a time."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod

from testbed.clock import Clock, Timer
from testbed.errors import LinkError
from testbed.signals import Priority

_EXPIRED = "expired while it waited for the wire"


class Request(ABC):
    """One exchange: `send` writes it, `failed` hears why no answer came.

    `key` names a poll: while one with the same key waits or is in flight, another is not queued, so a
    slow device is polled more slowly instead of ever later. Commands have no key and never coalesce.
    `deadline_ns` 0 means that it never expires while waiting. A request may be submitted again.
    `party` is who asks, where several share the wire: keys and `fail_all` are told apart by it.

    A class and no pair of callbacks: those would hold the request that holds them, and every command
    would be left to the garbage collector, which stops all loops while it works.
    """

    def __init__(
        self,
        priority: Priority,
        timeout_ns: int,
        key: str | None = None,
        deadline_ns: int = 0,
        party: object = None,
    ) -> None:
        self.party = party
        self.priority = priority
        self.timeout_ns = timeout_ns
        self.key = key
        self.deadline_ns = deadline_ns
        self.expires_ns = 0
        """When it has been in flight for too long; set as it is sent."""

    @abstractmethod
    def send(self) -> None:
        """Write it."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """Learn that it was not answered, or not even sent."""


class Arbiter:
    """A priority queue in front of a wire: safe-state writes, commands, polls, discovery.

    At most `depth` requests are in flight; a command waits for at most the exchanges in flight. The
    driver calls `answered` when a request's answer has come; the arbiter calls `failed` of requests
    that time out, expire, cannot be sent or lose their wire, each exactly once.
    """

    def __init__(self, clock: Clock, depth: int = 1) -> None:
        self._clock = clock
        self.depth = depth
        """Requests that may be in flight at a time; may be changed while some are."""
        self._waiting: list[tuple[Priority, int, Request]] = []
        self._sequence = 0
        self._keys: set[tuple[object, str]] = set()
        self._flying: list[Request] = []
        # One timer for all, looked at when it fires: most requests are answered long before, and
        # arming and cancelling a timer for each would cost more than all the rest of this class.
        self._timer: Timer | None = None
        self._timer_ns = 0

    @property
    def in_flight(self) -> list[Request]:
        """The requests that wait for an answer, oldest first."""
        return self._flying

    def waits(self, priority: Priority) -> bool:
        """Return whether anything of this priority or above waits for its turn."""
        return bool(self._waiting) and self._waiting[0][0] <= priority

    def submit(self, request: Request) -> None:
        """Send at once if the wire is free, else queue by priority."""
        if request.key is not None:
            if (request.party, request.key) in self._keys:
                return
            self._keys.add((request.party, request.key))
        if len(self._flying) < self.depth and not self._waiting:
            self._launch(request)
            return
        self._sequence += 1
        heapq.heappush(self._waiting, (request.priority, self._sequence, request))
        if request.deadline_ns:
            self._watch(request.deadline_ns + 1)
        self._advance()

    def answered(self, request: Request) -> None:
        """Free the place of a request whose answer has come; ignored when it already failed."""
        if request in self._flying:
            self._land(request)
            self._advance()

    def fail(self, request: Request, reason: str) -> None:
        """End one request in flight without an answer and go on with the next."""
        if request in self._flying:
            self._land(request)
            request.failed(reason)
            self._advance()

    def fail_all(self, reason: str) -> None:
        """End every request, waiting or in flight: the wire is gone."""
        ended = [*self._flying, *(entry[2] for entry in sorted(self._waiting, key=lambda entry: entry[:2]))]
        self._flying, self._waiting = [], []
        self._keys.clear()
        for request in ended:
            request.failed(reason)

    def leave(self, party: object, reason: str) -> None:
        """End every request of one who shares the wire; the others go on."""
        flying = [request for request in self._flying if request.party is party]
        waiting = sorted(self._waiting, key=lambda entry: entry[:2])
        ended = [*flying, *(entry[2] for entry in waiting if entry[2].party is party)]
        self._waiting = [entry for entry in waiting if entry[2].party is not party]  # sorted is a heap
        for request in flying:
            self._flying.remove(request)
        for request in ended:
            self._release_key(request)
            request.failed(reason)
        self._advance()

    def _advance(self) -> None:
        while self._waiting and len(self._flying) < self.depth:
            request = heapq.heappop(self._waiting)[2]
            if request.deadline_ns and self._clock.now() > request.deadline_ns:
                self._release_key(request)
                request.failed(_EXPIRED)
                continue
            self._launch(request)

    def _launch(self, request: Request) -> None:
        self._flying.append(request)
        request.expires_ns = self._clock.now() + request.timeout_ns
        self._watch(request.expires_ns)
        try:
            request.send()
        except (LinkError, OSError) as error:  # often another's turn: only `failed` reaches the owner
            if request in self._flying:  # else the loss of the wire has failed it already
                self._land(request)
                request.failed(str(error))

    def _watch(self, expires_ns: int) -> None:
        """Make sure that somebody looks no later than at `expires_ns`."""
        if self._timer is not None:
            if self._timer_ns <= expires_ns:
                return
            self._timer.cancel()
        self._timer_ns = expires_ns
        self._timer = self._clock.at(expires_ns, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.now()
        for request in [request for request in self._flying if request.expires_ns <= now]:
            self.fail(request, f"no answer within {request.timeout_ns / 1e9:g} s")
        self._drop_stale(now)
        times = [request.expires_ns for request in self._flying]
        times += [entry[2].deadline_ns + 1 for entry in self._waiting if entry[2].deadline_ns]
        if times:
            self._watch(min(times))

    def _drop_stale(self, now: int) -> None:
        """Fail those whose deadline has passed while they wait: their owners learn it now."""
        stale = [entry for entry in sorted(self._waiting, key=lambda entry: entry[:2])
                 if 0 < entry[2].deadline_ns < now]  # fmt: skip
        if not stale:
            return
        self._waiting = [entry for entry in self._waiting if entry not in stale]
        heapq.heapify(self._waiting)
        for _, _, request in stale:
            self._release_key(request)
            request.failed(_EXPIRED)

    def _land(self, request: Request) -> None:
        self._flying.remove(request)
        self._release_key(request)

    def _release_key(self, request: Request) -> None:
        if request.key is not None:
            self._keys.discard((request.party, request.key))
