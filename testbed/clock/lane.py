"""A clock as one owner of timers sees it."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, Punctuality, Ticker, spread_phase


class Lane:
    """Shares time with a clock, but spreads its phases by its own count.

    The phases of one device's polls then do not depend on which device came online first: a replay has
    them as the recording did. `number` is the lane's of `lanes`, so that no two ever count alike.
    `punctuality` is asked for that of each ticker, by the number of tickers that this lane had before.
    """

    def __init__(
        self,
        clock: Clock,
        number: int,
        lanes: int,
        punctuality: Callable[[int], Punctuality | None] = lambda ticker: None,
    ) -> None:
        self.now = clock.now
        self.at = clock.at
        self.sleep = clock.sleep
        self._every = clock.every
        self._first = number + 1
        self._lanes = lanes
        self._tickers = 0
        self._punctuality = punctuality

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        punctuality: Punctuality | None = None,
    ) -> Ticker:
        """Call back each `period_ns`; phases are spread unless `phase_ns` is given."""
        ticker = self._tickers
        self._tickers += 1
        if phase_ns is None:
            phase_ns = spread_phase(self._first + ticker * self._lanes, period_ns)
        return self._every(period_ns, callback, phase_ns, punctuality or self._punctuality(ticker))
