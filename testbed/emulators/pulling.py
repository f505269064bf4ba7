"""Pulls the plugs of emulated devices and puts them in again, and tells of it as an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testbed.bench import nearest
from testbed.clock import Clock
from testbed.errors import UsageError
from testbed.signals import Event, Level

from .base import Plug

UNPLUG, PLUG = "unplug", "plug"
KIND = "fault"
"""The kind of the events."""
DONE = {UNPLUG: "unplugged", PLUG: "plugged in again"}
"""What the events say."""


class Hand:
    """Carries out orders such as {"unplug": "probe"}."""

    def __init__(self, plugs: Mapping[str, Plug], clock: Clock, tell: Callable[[Event], None]) -> None:
        self._plugs = plugs
        self._clock = clock
        self._tell = tell

    def obey(self, order: Mapping[str, str]) -> None:
        """Do what an order says; raises UsageError for a device that has no plug."""
        for verb, name in order.items():
            plug = self._plugs.get(name)
            if plug is None or verb not in DONE:
                raise UsageError(f"cannot {verb} {name}", nearest(name, self._plugs))
            plug.unplug() if verb == UNPLUG else plug.plug()
            self._tell(Event(self._clock.now(), Level.INFO, name, KIND, DONE[verb]))
