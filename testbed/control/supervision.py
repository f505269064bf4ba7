"""How each device stands, in one word that people can watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testbed.clock import NS, Clock, Ticker
from testbed.drivers import Driver, LinkState
from testbed.signals import Event, Level, Quality
from testbed.twin import Mirror, Reading

_LOOK_NS = 500_000_000
_LASTING_NS = NS
"""What is shorter is told by its samples; a word that flickers helps nobody."""


class Supervision:
    """Tells when a device that is online has been without a good value of a signal for longer than a moment.

    A signal that was never good yet does not count: its device may have nothing to say of it.
    """

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        mirror: Mirror,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._drivers = drivers
        self._clock = clock
        self._report = report
        self._readings: dict[str, list[Reading]] = {name: [] for name in drivers}
        for reading in mirror.readings:
            if reading.signal.device in drivers and not reading.signal.writable:
                self._readings[reading.signal.device].append(reading)
        self._bad_since: dict[int, int] = {}
        self._whole_since: dict[str, int] = {}
        self._degraded: dict[str, str] = {}
        self._ticker: Ticker | None = None

    @property
    def standing(self) -> dict[str, str]:
        """How each device stands: connecting, online, degraded, offline or closed."""
        return {
            name: LinkState.DEGRADED.value if name in self._degraded else driver.state.value
            for name, driver in self._drivers.items()
        }

    def start(self) -> None:
        """Begin to look."""
        self._ticker = self._clock.every(_LOOK_NS, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._ticker is not None:
            self._ticker.cancel()

    def _look(self) -> None:
        now = self._clock.now()
        for name, driver in self._drivers.items():
            if driver.state is not LinkState.ONLINE:
                self._degraded.pop(name, None)  # its loss has been told
                self._whole_since.pop(name, None)
                continue
            lasting = self._lasting(name, now)
            if lasting:
                self._degrade(name, lasting, now)
            elif name in self._degraded:
                self._recover(name, now)

    def _lasting(self, name: str, now: int) -> str:
        """Return which signal of a device has been bad for longer than a moment, and why; empty: none."""
        found = ""
        for reading in self._readings[name]:
            number, last = reading.signal.id, reading.last
            if reading.good is None or last.quality is not Quality.BAD:
                self._bad_since.pop(number, None)
            elif now - self._bad_since.setdefault(number, last.time_ns) > _LASTING_NS:
                found = found or f"{reading.signal.path}: {last.reason}"
        return found

    def _degrade(self, name: str, reason: str, now: int) -> None:
        self._whole_since.pop(name, None)
        if name not in self._degraded:
            self._degraded[name] = reason
            self._report(Event(now, Level.WARNING, name, "degraded", f"{name} is degraded: {reason}"))

    def _recover(self, name: str, now: int) -> None:
        if now - self._whole_since.setdefault(name, now) >= _LASTING_NS:
            del self._degraded[name], self._whole_since[name]
            self._report(Event(now, Level.INFO, name, "whole", f"{name} is whole again"))
