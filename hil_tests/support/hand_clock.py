"""A clock that stands still until a test moves it."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from testbed.clock import NS, Ticker, Timer


class HandClock:
    """Session time in the hands of a test; what is due is called in order while it is moved."""

    def __init__(self) -> None:
        self._now = NS
        self._heap: list[tuple[int, int, Timer]] = []
        self._asked = 0

    def now(self) -> int:
        return self._now

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        self._asked += 1
        heapq.heappush(self._heap, (time_ns, self._asked, timer))
        return timer

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        first_ns: int | None = None,
    ) -> Ticker:
        if first_ns is None:
            first_ns = self._now + (period_ns if phase_ns is None else phase_ns)
        return Ticker(self, period_ns, callback, first_ns)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError("a test moves this clock itself")

    def move(self, seconds: float) -> None:
        """Let `seconds` pass."""
        until = self._now + round(seconds * NS)
        while self._heap and self._heap[0][0] <= until:
            due, _, timer = heapq.heappop(self._heap)
            self._now = max(self._now, due)
            if timer.callback is not None:
                timer.callback()
        self._now = until
