"""When a class A device listens: twice, each time at a moment that its uplink has set."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.clock import NS
from testbed.protocols.lorawan.eu868 import (
    JOIN_DELAY,
    RX2_DATA_RATE,
    RX2_FREQUENCY,
    RX_DELAY_2,
    spreading_factor,
)

from .air import Signal

_CLOCK_ERROR_NS = 20_000_000
"""How far off a device's own clock may be: so much earlier it listens, and so much longer."""

_SYMBOLS = 8  # within which a preamble has to show
_HELD_UP_NS = 100_000_000  # how late this process may learn of what a radio would have heard in time


@dataclass(frozen=True)
class Window:
    """A moment at which a frame has to begin to be heard."""

    open_ns: int
    frequency: int
    spreading_factor: int

    @property
    def over_ns(self) -> int:
        """When nothing can be heard in it any more."""
        symbols = round(_SYMBOLS * (1 << self.spreading_factor) / 125_000 * NS)
        return self.open_ns + symbols + _HELD_UP_NS

    def hears(self, signal: Signal) -> bool:
        """Return whether a frame begins in it."""
        return (
            abs(signal.start_ns - self.open_ns) <= _CLOCK_ERROR_NS
            and signal.frequency == self.frequency
            and signal.spreading_factor == self.spreading_factor
        )


def windows_after(uplink: Signal, rx1_delay: float, *, second: bool) -> list[Window]:
    """Return the windows after a data frame; a device that sends too often for a second one has one."""
    first_ns = uplink.end_ns + round(rx1_delay * NS)
    first = Window(first_ns, uplink.frequency, uplink.spreading_factor)
    if not second:
        return [first]
    return [first, _second(first_ns)]


def windows_after_join(request: Signal) -> list[Window]:
    """Return the windows in which a join is accepted."""
    first_ns = request.end_ns + round(JOIN_DELAY * NS)
    return [Window(first_ns, request.frequency, request.spreading_factor), _second(first_ns)]


def _second(first_ns: int) -> Window:
    return Window(first_ns + round(RX_DELAY_2 * NS), RX2_FREQUENCY, spreading_factor(RX2_DATA_RATE))
