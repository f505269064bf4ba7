"""Session time and its one scheduler: a heap of deadlines, one alarm, staggered phases."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol

from .alarm import Alarm, best_alarm

_GOLDEN = 0.6180339887498949  # spreads any number of phases evenly over a period


def spread_phase(number: int, period_ns: int) -> int:
    """Return where in its period ticker `number` begins, so that any number of them never tick together."""
    return int(period_ns * ((number * _GOLDEN) % 1.0))


_HELD_NS = 1_000_000
"""How long a deadline may wait for this process before it is worth a note."""


class Timer:
    """A pending call; `cancel` makes it never happen."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the call."""
        self.callback = None


class Deadlines(Protocol):
    """As much of a clock as a ticker needs."""

    def now(self) -> int:
        """Return session time in ns."""

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`."""


class Clock(Protocol):
    """Where time comes from: real here, virtual in replay."""

    def now(self) -> int:
        """Return session time: UTC in ns, mapped once at the start, never jumping."""

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`; equal times keep the order in which they were asked for."""

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        first_ns: int | None = None,
    ) -> Ticker:
        """Call back each `period_ns`, first at `first_ns`, else within one period from now.

        Those phases are spread unless `phase_ns`, from now to the first call, is given.
        """

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of session time."""


class SessionClock(Clock, Protocol):
    """A clock that a whole session runs on."""

    def pair(self) -> tuple[int, int]:
        """Return (session time, the system's UTC right now) in ns."""

    def take_skipped(self) -> tuple[int, int]:
        """Return (ticks skipped since the last call, the longest that one of them was held up in ns)."""

    def take_held(self) -> list[tuple[int, int]]:
        """Return from when to when since the last call deadlines had to wait for this process, in ns."""

    def close(self) -> None:
        """Release what the clock holds."""


class Ticker:
    """A periodic call on a fixed grid; missed ticks are skipped and counted, never made up in a burst."""

    def __init__(
        self,
        clock: Deadlines,
        period_ns: int,
        callback: Callable[[], None],
        start_ns: int,
        missed: Callable[[int, int], None] = lambda count, late_ns: None,
    ) -> None:
        """Tick from `start_ns` on; `missed` hears how many ticks were skipped, and how late this one is."""
        if period_ns <= 0:
            raise ValueError(f"a ticker's period must be positive, not {period_ns} ns")
        self.period_ns = period_ns
        self.due_ns = start_ns
        self.skipped = 0
        self._clock = clock
        self._callback = callback
        self._missed = missed
        self._timer = clock.at(start_ns, self._tick)

    def _tick(self) -> None:
        next_due = self.due_ns + self.period_ns
        late = self._clock.now() - next_due
        if late >= 0:
            missed = late // self.period_ns + 1
            self.skipped += missed
            self._missed(missed, late + self.period_ns)
            next_due += missed * self.period_ns
        # Armed before the call, so that a callback that raises or cancels finds the next tick in place.
        self._timer = self._clock.at(next_due, self._tick)
        try:
            self._callback()
        finally:
            self.due_ns = next_due

    def cancel(self) -> None:
        """Stop ticking."""
        self._timer.cancel()


class SystemClock:
    """Real time: `time.monotonic_ns` mapped once to UTC, deadlines kept by one timerfd."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._heap: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._tickers = 0
        self._armed_ns = 0
        self._firing = False
        self._skipped = 0
        self._longest_ns = 0
        self._held: list[tuple[int, int]] = []
        self._loop = loop or asyncio.get_running_loop()
        self._alarm: Alarm = best_alarm(self._loop, self._fire)

    def now(self) -> int:
        """Return session time in ns."""
        return time.monotonic_ns() + self._offset_ns

    def pair(self) -> tuple[int, int]:
        """Return (session time, the system's UTC right now) in ns: how far they have drifted apart."""
        return self.now(), time.time_ns()

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`."""
        timer = Timer(callback)
        self._sequence += 1
        heapq.heappush(self._heap, (time_ns, self._sequence, timer))
        if not self._firing and (not self._armed_ns or time_ns < self._armed_ns):
            self._arm(time_ns)
        return timer

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        first_ns: int | None = None,
    ) -> Ticker:
        """Call back each `period_ns`, first at `first_ns`, else within one period from now."""
        if first_ns is None:
            if phase_ns is None:
                self._tickers += 1
                phase_ns = spread_phase(self._tickers, period_ns)
            first_ns = self.now() + phase_ns
        return Ticker(self, period_ns, callback, first_ns, self._count)

    def take_skipped(self) -> tuple[int, int]:
        """Return (ticks skipped since the last call, the longest that one of them was held up in ns)."""
        taken = self._skipped, self._longest_ns
        self._skipped = self._longest_ns = 0
        return taken

    def take_held(self) -> list[tuple[int, int]]:
        """Return from when to when since the last call deadlines had to wait for this process, in ns."""
        held, self._held = self._held, []
        return held

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Forget every deadline and release the alarm."""
        self._heap.clear()
        self._alarm.close()

    def _count(self, missed: int, late_ns: int) -> None:
        self._skipped += missed
        self._longest_ns = max(self._longest_ns, late_ns)

    def _arm(self, time_ns: int) -> None:
        self._armed_ns = time_ns
        self._alarm.arm(time_ns - self._offset_ns)

    def _fire(self) -> None:
        heap = self._heap
        self._firing = True
        try:
            while heap and heap[0][0] <= (now := self.now()):
                due_ns, _, timer = heapq.heappop(heap)
                if timer.callback is not None:
                    if now - due_ns > _HELD_NS:
                        self._note_held(due_ns, now)
                    self._call(timer.callback)
        finally:
            self._firing = False
            while heap and heap[0][2].callback is None:
                heapq.heappop(heap)
            if heap:
                self._arm(heap[0][0])
            else:
                self._armed_ns = 0
                self._alarm.rest()

    def _note_held(self, due_ns: int, now: int) -> None:
        if self._held and due_ns <= self._held[-1][1]:
            self._held[-1] = (min(due_ns, self._held[-1][0]), now)
        else:
            self._held.append((due_ns, now))

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # one broken deadline must not stop the others
            self._loop.call_exception_handler({"message": "a scheduled call failed", "exception": error})
