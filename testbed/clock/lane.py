"""A clock as one owner of timers sees it."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, Ticker, spread_phase


class Lane:
    """Shares time with a clock, but spreads its phases by its own count.

    The phases of one device's polls then do not depend on which device came online first: a replay has
    them as the recording did. `number` is the lane's of `lanes`, so that no two ever count alike.
    """

    def __init__(self, clock: Clock, number: int, lanes: int) -> None:
        self.now = clock.now
        self.at = clock.at
        self.sleep = clock.sleep
        self._every = clock.every
        self._number = number + 1
        self._lanes = lanes

    def every(self, period_ns: int, callback: Callable[[], None], phase_ns: int | None = None) -> Ticker:
        """Call back each `period_ns`; phases are spread unless `phase_ns` is given."""
        if phase_ns is None:
            phase_ns = spread_phase(self._number, period_ns)
            self._number += self._lanes
        return self._every(period_ns, callback, phase_ns)
