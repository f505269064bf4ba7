"""Finds the records of a session that stand at a time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from testbed.session.file import Cycle, SessionReader
from testbed.signals import Command, Event, Quality, Sample, Signal


@dataclass(frozen=True)
class Given:
    """A command and what the one before it set: `since` is the first of an unbroken row of equal values."""

    command: Command
    since: Command
    before: Command | None


def sample_at(session: SessionReader, signal: Signal, time_ns: int) -> Sample | None:
    """Return the last sample of a signal at or before a time, None when the first comes later."""
    found: tuple[int, int, float, int] | None = None
    for chunk in session.signal_chunks(signal.id):
        if chunk.times[0] > time_ns and found is not None:
            break
        at = bisect_right(chunk.times, time_ns)
        if at:
            place = at - 1
            found = (chunk.first + place, chunk.times[place], chunk.values[place], chunk.qualities[place])
    if found is None:
        return None
    number, when_ns, value, quality = found
    numbers, reasons = session.reasons(signal.id)
    holds = bisect_right(numbers, number)
    return Sample(signal.id, when_ns, value, Quality(quality), reasons[holds - 1] if holds else "")


def command_at(session: SessionReader, signal: Signal, time_ns: int) -> Given | None:
    """Return the last command to a signal at or before a time, None when the first came later."""
    found: Given | None = None
    for command in session.commands():
        if command.signal != signal.id:
            continue
        if command.time_ns > time_ns:
            break
        if found is not None and command.value == found.command.value:
            found = Given(command, found.since, found.before)
        else:
            found = Given(command, command, found.command if found else None)
    return found


def cycle_at(session: SessionReader, loop: str, time_ns: int) -> Cycle | None:
    """Return the last cycle of a loop that began at or before a time."""
    found = None
    for cycle in session.cycles(loop):
        # Cycles are logged when their command is settled, so one that began earlier may stand later.
        if cycle.time_ns <= time_ns and (found is None or cycle.time_ns > found.time_ns):
            found = cycle
    return found


def events_at(session: SessionReader, since_ns: int, until_ns: int) -> list[Event]:
    """Return what was told from a time to another."""
    return [event for event in session.events() if since_ns <= event.time_ns <= until_ns]


def first_ns(session: SessionReader, signal: Signal) -> int | None:
    """Return when the first record of a signal was: its first command if it is commanded, else its sample."""
    if signal.writable:
        times = (command.time_ns for command in session.commands() if command.signal == signal.id)
        return next(times, None)
    return next((chunk.times[0] for chunk in session.signal_chunks(signal.id)), None)
