"""What a driver makes of the bytes it hears, without the driver: recorded frames to samples again."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from testbed.links import Direction
from testbed.signals import Quality, Sample, Signal

Publish = Callable[[Sample], None]

PublishBad = Callable[[Signal, str, int], None]
"""Called with a signal, why it has no value, and when the bytes came that say so."""


class Decoder(ABC):
    """Turns the frames of one device, in their order, into the samples that its driver published.

    It is built from the driver's own decoding code and has no link, clock or timer, so it cannot know
    that the driver gave an answer up or was not yet online. Samples that depend on it go to `doubt`
    instead of `publish`: the driver published either the very same or nothing.
    """

    def __init__(self, publish: Publish, doubt: Publish) -> None:
        self._certain = publish
        self._doubtful = doubt
        self._output = publish

    @abstractmethod
    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take the next frame or mark of the recording; never raises, whatever it holds."""

    # What a protocol's decoder uses -----------------------------------------------------------

    def doubt(self, doubtful: bool) -> None:
        """Say whether the driver may not have listened to what comes from now on."""
        self._output = self._doubtful if doubtful else self._certain

    def publish(self, sample: Sample) -> None:
        """Hand a sample on."""
        self._output(sample)

    def publish_bad(self, signal: Signal, reason: str, time_ns: int) -> None:
        """Hand on that there is no value, and why."""
        self._output(Sample(signal.id, time_ns, math.nan, Quality.BAD, reason))
