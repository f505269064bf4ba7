"""Numbers the signals of a recording as they are met."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.signals import Signal

from .names import identifier


class Registry:
    """The signals met so far, each with a name of its own."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self._numbers: dict[Hashable, int] = {}
        self._taken: dict[tuple[str, str], int] = {}

    def add(self, signal: Signal) -> int:
        """Return the number of a signal with this device and name; the first one is kept."""
        place = (signal.device, signal.name)
        if place not in self._taken:
            self._taken[place] = signal.id
            self.signals.append(signal)
        return self._taken[place]

    def number(self, topic: str, path: str) -> int:
        """Return the number of what stands at `path` in the messages of a topic; two never share a name."""
        if (topic, path) not in self._numbers:
            device, name = identifier(topic), identifier(path)
            base, count = name, 1
            while (device, name) in self._taken:
                count += 1
                name = f"{base}_{count}"
            signal = Signal(len(self.signals), device, name, title=f"{topic} {path}")
            self._numbers[topic, path] = self.add(signal)
        return self._numbers[topic, path]
