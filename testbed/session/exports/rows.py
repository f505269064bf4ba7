"""Each kind of record as a row of plain values: what JSON lines and Parquet are written from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, Frame, SessionReader, TwinState
from testbed.signals import Command, Event, Sample

from .timeline import Kind, Record

Row = tuple[Any, ...]

COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.SAMPLES: ("time_ns", "device", "signal", "value", "unit", "quality", "reason"),
    Kind.FRAMES: ("time_ns", "device", "direction", "data"),
    Kind.COMMANDS: (
        "time_ns", "device", "signal", "value", "unit", "requester", "priority", "verdict", "outcome",
        "reason", "deadline_ns", "cause_ns", "sent_ns", "done_ns",
    ),
    Kind.EVENTS: ("time_ns", "level", "source", "kind", "text"),
    Kind.CYCLES: (
        "time_ns", "loop", "lateness_ns", "age_ns", "latency_ns", "acknowledged_ns", "overrun", "acted_safe",
        "setpoint", "measured", "output", "p", "i", "d",
    ),
    Kind.TWIN_STATES: ("time_ns", "device", "values"),
}  # fmt: skip
"""The names of a row's values. Times are UTC in ns, durations in ns; None is what there is not: no value
(which was recorded as NaN), a time that never came, a part of a cycle that did not happen, a term that no
controller reckoned."""


class Rows:
    """Makes rows of the records of one session."""

    def __init__(self, session: SessionReader) -> None:
        self._places = [(signal.device, signal.name) for signal in session.signals]
        self._units = [signal.unit for signal in session.signals]
        self._of: dict[type[Record], tuple[Kind, Callable[[Any], Row]]] = {
            Sample: (Kind.SAMPLES, self._sample),
            Frame: (Kind.FRAMES, _frame),
            Command: (Kind.COMMANDS, self._command),
            Event: (Kind.EVENTS, _event),
            Cycle: (Kind.CYCLES, _cycle),
            TwinState: (Kind.TWIN_STATES, _twin_state),
        }

    def row(self, record: Record) -> tuple[Kind, Row]:
        """Return the kind of a record and its row, in the order of COLUMNS."""
        kind, make = self._of[type(record)]
        return kind, make(record)

    def _sample(self, sample: Sample) -> Row:
        place, unit = self._places[sample.signal], self._units[sample.signal]
        return (sample.time_ns, *place, _number(sample.value), unit, sample.quality.word, sample.reason)

    def _command(self, command: Command) -> Row:
        place, unit = self._places[command.signal], self._units[command.signal]
        words = (command.priority.name.lower(), str(command.verdict), str(command.outcome), command.reason)
        times = (command.deadline_ns, command.cause_ns, command.sent_ns, command.done_ns)
        return (
            command.time_ns, *place, _number(command.value), unit, command.requester, *words,
            *(time_ns or None for time_ns in times),
        )  # fmt: skip


def _number(value: float) -> float | None:
    return value if value == value else None


def _frame(frame: Frame) -> Row:
    return (frame.time_ns, frame.device, frame.direction.name.lower(), frame.data)


def _event(event: Event) -> Row:
    return (event.time_ns, str(event.level), event.source, event.kind, event.text)


def _cycle(cycle: Cycle) -> Row:
    parts = (cycle.lateness_ns, cycle.age_ns, cycle.latency_ns, cycle.acknowledged_ns)
    happened = (None if part < 0 else part for part in parts)
    flags = (bool(cycle.flags & OVERRUN), bool(cycle.flags & ACTED_SAFE))
    terms = (cycle.setpoint, cycle.measured, cycle.output, cycle.p, cycle.i, cycle.d)
    return (cycle.time_ns, cycle.loop, *happened, *flags, *map(_number, terms))


def _twin_state(state: TwinState) -> Row:
    return (state.time_ns, state.device, state.values)
