"""Samples that come while a driver is still connecting: kept until it is online."""

from __future__ import annotations

from testbed.signals import Sample

from .decoder import Publish


class Held:
    """Publishes at once, but between `hold` and `release` only then: in order, with the times of arrival."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._kept: list[Sample] | None = None

    def publish(self, sample: Sample) -> None:
        """Hand a sample on, or keep it."""
        if self._kept is None:
            self._publish(sample)
        else:
            self._kept.append(sample)

    def hold(self) -> None:
        """Keep what comes from now on."""
        if self._kept is None:
            self._kept = []

    def release(self) -> None:
        """Hand on what was kept, and all that comes from now on."""
        kept, self._kept = self._kept, None
        for sample in kept or ():
            self._publish(sample)
