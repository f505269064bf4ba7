"""All that a session recorded, in the order in which it happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from operator import attrgetter
from typing import TypeVar

from testbed.session.file import Cycle, Frame, SessionReader, TwinState
from testbed.signals import Command, Event, Sample

Record = Sample | Frame | Command | Event | Cycle | TwinState
"""Whatever happened at a `time_ns`."""

Item = TypeVar("Item")

_TOLD_EVERY = 2048  # records; seldom enough to cost nothing

Progress = Callable[[int], None]
"""Called now and then with the time that an export has reached, in session ns."""


class Kind(StrEnum):
    """What can be exported of a session."""

    SAMPLES = "samples"
    FRAMES = "frames"
    COMMANDS = "commands"
    EVENTS = "events"
    CYCLES = "cycles"
    TWIN_STATES = "twin-states"

    @property
    def one(self) -> str:
        """What one of them is called."""
        return self.value.removesuffix("s")


def unheard(time_ns: int) -> None:
    """Take progress and tell nobody."""


def timeline(
    session: SessionReader, kinds: Collection[Kind] = tuple(Kind), progress: Progress = unheard
) -> Iterator[Record]:
    """Yield the records of these kinds in time order, as it reads them.

    Of one time, samples come first, then frames, commands, events, cycles and twin states; the samples of
    a signal, the frames of a device and the cycles of a loop keep the order in which they were recorded.
    """
    streams: dict[Kind, list[Iterator[Record]]] = {
        Kind.SAMPLES: [session.samples()],
        Kind.FRAMES: [session.frames()],
        Kind.COMMANDS: [session.commands()],
        Kind.EVENTS: [session.events()],
        Kind.CYCLES: [session.cycles(loop) for loop in session.loops()],
        Kind.TWIN_STATES: [session.twin_states()],
    }
    wanted = [stream for kind in Kind if kind in kinds for stream in streams[kind]]
    return watched(heapq.merge(*wanted, key=attrgetter("time_ns")), attrgetter("time_ns"), progress)


def watched(records: Iterable[Item], time_of: Callable[[Item], int], progress: Progress) -> Iterator[Item]:
    """Yield the records and tell `progress` how far in time they have come."""
    for number, record in enumerate(records):
        if number % _TOLD_EVERY == 0:
            progress(time_of(record))
        yield record
