"""Notes when samples are walked in another order than that of their times, for a replay to keep to."""

from __future__ import annotations

from collections.abc import Callable

from testbed.signals import Sample

_LIMIT_NS = 1_000_000_000  # older than this a sample bears somebody else's time, and nothing was overtaken

Note = Callable[[str, int, int], None]
"""Takes the device, the time of its sample, and a time after what was walked before it; both in ns."""


class Order:
    """Hands on the samples of drivers and watches their order.

    Bytes are stamped when they are read. On a busy machine the sample that comes of them may reach the hub
    after one of another device whose bytes were read later, and what twins and loops make of both depends on
    which was first.
    """

    def __init__(self, publish: Callable[[Sample], None], note: Note) -> None:
        self._publish = publish
        self._note = note
        self._newest_ns = 0

    def publisher(self, device: str) -> Callable[[Sample], None]:
        """Return what the driver of a device publishes with."""
        noted_ns = 0

        def publish(sample: Sample) -> None:
            nonlocal noted_ns
            time_ns = sample.time_ns
            if time_ns >= self._newest_ns:
                self._newest_ns = time_ns
            elif time_ns != noted_ns and self._newest_ns - time_ns < _LIMIT_NS:
                noted_ns = time_ns
                self._newest_ns += 1
                self._note(device, time_ns, self._newest_ns)
            self._publish(sample)

        return publish
