"""One side of a comparison: anything that can give its records back, a session file first of all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from testbed.protocols.meaning import Meaning
from testbed.session.describe import Interpreter
from testbed.session.file import Frame, SessionReader
from testbed.signals import Command, Event, Signal


class SampleBlock(NamedTuple):
    """Consecutive samples of one signal.

    `reasons` are (position in the block, reason that holds from there on); before the first of them the last
    reason of the block before still holds, and at the start there is none.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    reasons: Sequence[tuple[int, str]] = ()


class Recording(Protocol):
    """What a comparison needs to know of a run; everything in the order in which it was recorded."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def span(self) -> tuple[int, int]:
        """When it began and ended, UTC in ns."""

    @property
    def signals(self) -> Sequence[Signal]:
        """All signals; samples and commands name them by their place in here."""

    @property
    def devices(self) -> Sequence[str]:
        """The devices that have frames."""

    def samples(self, signal: Signal) -> Iterator[SampleBlock]:
        """Yield the samples of a signal."""

    def frames(self, device: str) -> Iterator[Frame]:
        """Yield the frames of a device."""

    def commands(self) -> Iterator[Command]:
        """Yield the settled commands in the order in which they were given."""

    def events(self) -> Iterator[Event]:
        """Yield the events in time order."""

    def describe(self, device: str, frames: Iterable[Frame]) -> list[list[Meaning]]:
        """Return what consecutive frames of a device say."""


class SessionRecording:
    """A session file as one side of a comparison."""

    def __init__(self, session: SessionReader) -> None:
        self.name = str(session.path)
        self.span = session.span()
        self.signals = session.signals
        self.devices = sorted(session.frame_counts())
        self._session = session
        self._interpreter = Interpreter(session)

    def samples(self, signal: Signal) -> Iterator[SampleBlock]:
        """Yield the samples of a signal, as they were committed."""
        numbers, reasons = self._session.reasons(signal.id)
        for chunk in self._session.signal_chunks(signal.id):
            inside = range(
                bisect_left(numbers, chunk.first), bisect_left(numbers, chunk.first + len(chunk.times))
            )
            yield SampleBlock(
                np.frombuffer(chunk.times, np.int64),
                np.frombuffer(chunk.values, np.float64),
                np.frombuffer(chunk.qualities, np.uint8),
                [(numbers[at] - chunk.first, reasons[at]) for at in inside],
            )

    def frames(self, device: str) -> Iterator[Frame]:
        """Yield the frames of a device."""
        return self._session.frames(device)

    def commands(self) -> Iterator[Command]:
        """Yield the settled commands in the order in which they were given."""
        return self._session.commands()

    def events(self) -> Iterator[Event]:
        """Yield the events in time order."""
        return self._session.events()

    def describe(self, device: str, frames: Iterable[Frame]) -> list[list[Meaning]]:
        """Return what consecutive frames of a device say."""
        return self._interpreter.describe(device, frames)
