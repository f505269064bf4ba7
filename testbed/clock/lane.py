"""A clock as one owner of timers sees it."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, Ticker, spread_phase


class Lane:
    """Shares time with a clock, but spreads its phases by its own count.

    The phases of one device's polls then do not depend on which device came online first: a replay has
    them as the recording did. `number` is the lane's of `lanes`, so that no two ever count alike.
    `begin` is told of each ticker (how many this lane had before) when its first tick is due, and may
    return another time.
    """

    def __init__(
        self,
        clock: Clock,
        number: int,
        lanes: int,
        begin: Callable[[int, int], int] = lambda ticker, due_ns: due_ns,
    ) -> None:
        self.now = clock.now
        self.at = clock.at
        self.sleep = clock.sleep
        self._every = clock.every
        self._first = number + 1
        self._lanes = lanes
        self._tickers = 0
        self._begin = begin

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        first_ns: int | None = None,
    ) -> Ticker:
        """Call back each `period_ns`; phases are spread unless `phase_ns` or `first_ns` is given."""
        if first_ns is None:
            if phase_ns is None:
                phase_ns = spread_phase(self._first + self._tickers * self._lanes, period_ns)
            first_ns = self.now() + phase_ns
        due_ns = self._begin(self._tickers, first_ns)
        self._tickers += 1
        # The very time that `begin` has: what is recorded of a ticker must be when it ticks, to the ns.
        return self._every(period_ns, callback, first_ns=due_ns)
