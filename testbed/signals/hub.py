"""Hands each sample to its subscribers, in a fixed order, within the turn that brought it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from .sample import Sample

Subscriber = Callable[[Sample], None]


class Stage(IntEnum):
    """The order in which a sample is walked; within a stage, first come first served."""

    RECORD = 0
    CLEAN = 1
    TWIN = 2
    LOOP = 3
    WATCH = 4


class Hub:
    """Synchronous fan-out by signal: no queue, no task switch between a sample and its command.

    A subscriber that raises is reported to `on_failure` and the walk goes on, so that one broken
    observer can neither hide a sample from the rest nor stop the wire that brought it.
    """

    def __init__(self, signals: int, on_failure: Callable[[Subscriber, Exception], None]) -> None:
        self._entries: list[list[tuple[Stage, Subscriber]]] = [[] for _ in range(signals)]
        self._routes: list[tuple[Subscriber, ...]] = [()] * signals
        self._on_failure = on_failure

    def subscribe(self, signal: int, stage: Stage, subscriber: Subscriber) -> None:
        """Add `subscriber` for one signal."""
        entries = self._entries[signal]
        entries.append((stage, subscriber))
        entries.sort(key=lambda entry: entry[0])
        self._routes[signal] = tuple(subscriber for _, subscriber in entries)

    def unsubscribe(self, signal: int, subscriber: Subscriber) -> None:
        """Let `subscriber` hear nothing more of a signal; a sample that is being walked still reaches it."""
        entries = self._entries[signal]
        entries[:] = [entry for entry in entries if entry[1] != subscriber]
        self._routes[signal] = tuple(subscriber for _, subscriber in entries)

    def subscribe_all(self, stage: Stage, subscriber: Subscriber) -> None:
        """Add `subscriber` for every signal of the bench."""
        for signal in range(len(self._routes)):
            self.subscribe(signal, stage, subscriber)

    def publish(self, sample: Sample) -> None:
        """Walk the sample through all its subscribers before returning."""
        for subscriber in self._routes[sample.signal]:
            try:
                subscriber(sample)
            except Exception as error:  # any fault of a subscriber is handed to the owner
                self._on_failure(subscriber, error)
