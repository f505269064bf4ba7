"""Tells of lost frames without drowning the log."""

from __future__ import annotations

from collections.abc import Callable

from testbed.clock import NS, Clock, Timer

_PAUSE_NS = NS


class GapReport:
    """Tells of lost frames at once, then at most once a second, however many are lost."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._untold = 0
        self._pause: Timer | None = None

    def add(self, missing: int) -> None:
        """Count frames that a jump in the sequence shows to be missing."""
        self._untold += missing
        if self._pause is None:
            self._now()

    def cancel(self) -> None:
        """Forget what was not told."""
        if self._pause is not None:
            self._pause.cancel()
        self._pause, self._untold = None, 0

    def _now(self) -> None:
        self._pause = None
        if self._untold:
            frames = "1 telemetry frame is" if self._untold == 1 else f"{self._untold} telemetry frames are"
            self._tell(f"{frames} missing (lost, damaged, or the device restarted)")
            self._untold = 0
            self._pause = self._clock.at(self._clock.now() + _PAUSE_NS, self._now)
