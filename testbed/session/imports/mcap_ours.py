"""Messages of our own MCAP exports, and Foxglove's log messages, back into records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from testbed.links import Direction
from testbed.session.exports import Record
from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, Frame, TwinState
from testbed.signals import Access, Command, Event, Level, Outcome, Priority, Quality, Sample, Signal, Verdict

from .registry import Registry

Convert = Callable[[int, Any], Record]
"""Makes a record of a log time in ns and a decoded message."""

_LEVELS = {3: Level.WARNING, 4: Level.ERROR, 5: Level.ERROR}
"""foxglove.Log.Level; whatever is less is information."""


def our_convert(schema: str, metadata: Mapping[str, str], registry: Registry) -> Convert | None:
    """Return what converts the messages of a channel, or None when its schema is not one of these.

    Raises KeyError and ValueError for a channel that does not tell what ours do.
    """
    match schema:
        case "testbed.Sample":
            return partial(_sample, registry.add(signal_of(metadata, len(registry.signals))))
        case "testbed.Command":
            return partial(_command, registry.add(signal_of(metadata, len(registry.signals))))
        case "testbed.Frame":
            return partial(_frame, metadata["device"])
        case "testbed.Cycle":
            return partial(_cycle, metadata["loop"])
        case "testbed.TwinState":
            return partial(_twin_state, metadata["device"])
        case "foxglove.Log":
            return _event
    return None


def signal_of(metadata: Mapping[str, str], number: int) -> Signal:
    """Return the signal that a channel of ours tells of (see `describe` of the export)."""
    low, high, slew, safe = (
        float(metadata[key]) if key in metadata else None for key in ("low", "high", "slew", "safe")
    )
    return Signal(
        number,
        metadata["device"],
        metadata["signal"],
        metadata["unit"],
        Access(metadata["access"]),
        None if low is None or high is None else (low, high),
        slew,
        safe,
        int(metadata.get("period_ns", 0)),
        metadata["title"],
    )


def _sample(signal: int, time_ns: int, message: Any) -> Sample:
    return Sample(signal, time_ns, message.value, Quality(message.quality), message.reason)


def _frame(device: str, time_ns: int, message: Any) -> Frame:
    return Frame(time_ns, device, Direction(message.direction), message.data)


def _command(signal: int, time_ns: int, message: Any) -> Command:
    return Command(
        signal,
        message.value,
        message.requester,
        time_ns,
        message.deadline_ns,
        message.cause_ns,
        Priority[message.priority],
        Verdict(message.verdict),
        Outcome(message.outcome),
        message.reason,
        message.sent_ns,
        message.done_ns,
    )


def _cycle(loop: str, time_ns: int, message: Any) -> Cycle:
    flags = (OVERRUN if message.overrun else 0) | (ACTED_SAFE if message.acted_safe else 0)
    durations = (message.lateness_ns, message.age_ns, message.latency_ns, message.acknowledged_ns)
    terms = (message.setpoint, message.measured, message.output, message.p, message.i, message.d)
    return Cycle(time_ns, loop, *durations, flags, *terms)


def _twin_state(device: str, time_ns: int, message: Any) -> TwinState:
    return TwinState(time_ns, device, dict(message.values))


def _event(time_ns: int, message: Any) -> Event:
    level = _LEVELS.get(message.level, Level.INFO)
    return Event(time_ns, level, message.name, message.file or "log", message.message)
