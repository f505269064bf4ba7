"""A Perfetto trace of the timing of loops and commands, for https://ui.perfetto.dev.

Format: TrackEvent packets (https://perfetto.dev/docs/reference/synthetic-track-event).
"""

from __future__ import annotations

from typing import Any, BinaryIO

from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, SessionReader
from testbed.signals import Command, Event

from .needs import needed
from .timeline import Kind, Progress, timeline, unheard

_SEQUENCE = 1
_US = 1000  # ns
_TERMS = ("setpoint", "measured", "output", "p", "i", "d")

Arguments = dict[str, str | float | bool]


def write_perfetto(session: SessionReader, file: BinaryIO, progress: Progress = unheard) -> None:
    """Write loop cycles and commands as slices, lateness as a counter and events as instants.

    A cycle lasts from the arrival of its sample to the acknowledgement of its command, and holds its
    parts; those that did not happen are left out. Times are UTC. Raises MissingPart without perfetto.
    """
    trace = _Trace(file, session.span()[0])
    paths = [signal.path for signal in session.signals]
    for record in timeline(session, (Kind.COMMANDS, Kind.EVENTS, Kind.CYCLES), progress):
        match record:
            case Cycle():
                _add_cycle(trace, record)
            case Command():
                _add_command(trace, record, paths[record.signal])
            case Event():
                arguments: Arguments = {"level": str(record.level), "text": record.text}
                trace.instant(trace.track("events", record.source), record.time_ns, record.kind, arguments)


def _add_cycle(trace: _Trace, cycle: Cycle) -> None:
    start_ns = cycle.time_ns
    arrived_ns = start_ns - max(cycle.age_ns, 0)
    written_ns = arrived_ns + cycle.latency_ns if cycle.latency_ns >= 0 else start_ns
    done_ns = arrived_ns + cycle.acknowledged_ns if cycle.acknowledged_ns >= 0 else written_ns
    durations = {
        "lateness_us": cycle.lateness_ns,
        "age_us": cycle.age_ns,
        "sample_to_actuation_us": cycle.latency_ns,
        "sample_to_acknowledged_us": cycle.acknowledged_ns,
    }
    arguments: Arguments = {name: value / _US for name, value in durations.items() if value >= 0}
    arguments |= {name: value for name in _TERMS if (value := getattr(cycle, name)) == value}  # not NaN
    arguments["overrun"] = bool(cycle.flags & OVERRUN)
    name = "acted safe" if cycle.flags & ACTED_SAFE else "cycle"
    end_ns = max(start_ns, written_ns, done_ns)
    lane = trace.lane("loops", cycle.loop, arrived_ns, end_ns)
    trace.begin(lane, arrived_ns, name, arguments)
    for part, begin_ns, until_ns in (
        ("sample waits", arrived_ns, start_ns),
        ("compute and write", start_ns, written_ns),
        ("acknowledge", written_ns, done_ns),
    ):
        if until_ns > begin_ns:
            trace.begin(lane, begin_ns, part)
            trace.end(lane, until_ns)
    trace.end(lane, end_ns)
    if cycle.lateness_ns >= 0:
        trace.count(trace.track("lateness", cycle.loop, unit="us"), start_ns, cycle.lateness_ns / _US)


def _add_command(trace: _Trace, command: Command, path: str) -> None:
    arguments: Arguments = {
        "value": command.value,
        "requester": command.requester,
        "verdict": str(command.verdict),
        "outcome": str(command.outcome),
        "reason": command.reason,
    }
    if command.done_ns < command.time_ns:  # settled by nobody
        trace.instant(trace.track("commands", path), command.time_ns, str(command.outcome), arguments)
        return
    lane = trace.lane("commands", path, command.time_ns, command.done_ns)
    trace.begin(lane, command.time_ns, str(command.outcome), arguments)
    if command.time_ns <= command.sent_ns < command.done_ns:
        trace.begin(lane, command.sent_ns, "on the wire")
        trace.end(lane, command.done_ns)
    trace.end(lane, command.done_ns)


class _Trace:
    """Writes packets; tracks are described when they are first used, in groups (loops, commands, ...)."""

    def __init__(self, file: BinaryIO, start_ns: int) -> None:
        with needed("Perfetto"):
            from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos
            from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder

        self._builder = StreamingTraceProtoBuilder(file)
        self._event = protos.TrackEvent
        self._tracks: dict[tuple[str, str, int], int] = {}
        self._ends: dict[tuple[str, str], list[int]] = {}
        packet = self._packet()
        packet.sequence_flags = protos.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        # The trace's own clock is that of UTC: so times are shown as dates, and nothing is converted.
        for clock in (protos.BUILTIN_CLOCK_BOOTTIME, protos.BUILTIN_CLOCK_REALTIME):
            packet.clock_snapshot.clocks.add(clock_id=clock, timestamp=start_ns)
        self._builder.write_packet(packet)

    def track(self, group: str, name: str, number: int = 0, unit: str = "") -> int:
        """Return the track called `name` in `group`; `number` tells tracks of one name apart."""
        key = (group, name, number)
        if key not in self._tracks:
            parent = 0 if not name else self.track(group, "")
            self._tracks[key] = len(self._tracks) + 1
            packet = self._packet()
            descriptor = packet.track_descriptor
            descriptor.uuid = self._tracks[key]
            descriptor.name = name or group
            if parent:
                descriptor.parent_uuid = parent
            if unit:
                descriptor.counter.unit_name = unit
            self._builder.write_packet(packet)
        return self._tracks[key]

    def lane(self, group: str, name: str, begin_ns: int, end_ns: int) -> int:
        """Return a track on which nothing else happens in that time.

        Slices of one track must lie within each other or apart; the page draws tracks of one name and
        parent as one.
        """
        ends = self._ends.setdefault((group, name), [])
        number = next((number for number, end in enumerate(ends) if end <= begin_ns), len(ends))
        ends[number : number + 1] = [end_ns]
        return self.track(group, name, number)

    def begin(self, track: int, time_ns: int, name: str, arguments: Arguments | None = None) -> None:
        """Begin a slice."""
        self._add(self._event.TYPE_SLICE_BEGIN, track, time_ns, name, arguments)

    def end(self, track: int, time_ns: int) -> None:
        """End the slice that began last and has no end yet."""
        self._add(self._event.TYPE_SLICE_END, track, time_ns)

    def instant(self, track: int, time_ns: int, name: str, arguments: Arguments) -> None:
        """Mark a moment."""
        self._add(self._event.TYPE_INSTANT, track, time_ns, name, arguments)

    def count(self, track: int, time_ns: int, value: float) -> None:
        """Set the value of a counter."""
        self._add(self._event.TYPE_COUNTER, track, time_ns, value=value)

    def _add(
        self,
        kind: int,
        track: int,
        time_ns: int,
        name: str = "",
        arguments: Arguments | None = None,
        value: float | None = None,
    ) -> None:
        packet = self._packet()
        packet.timestamp = time_ns
        event = packet.track_event
        event.type = kind
        event.track_uuid = track
        if name:
            event.name = name
        if value is not None:
            event.double_counter_value = value
        for key, argument in (arguments or {}).items():
            _annotate(event.debug_annotations.add(name=key), argument)
        self._builder.write_packet(packet)

    def _packet(self) -> Any:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet


def _annotate(annotation: Any, argument: str | float | bool) -> None:
    if isinstance(argument, bool):
        annotation.bool_value = argument
    elif isinstance(argument, str):
        annotation.string_value = argument
    else:
        annotation.double_value = argument
