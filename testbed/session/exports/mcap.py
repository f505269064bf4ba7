"""MCAP with protobuf messages: what Foxglove and PlotJuggler open (https://mcap.dev/spec)."""

from __future__ import annotations

import json
import mimetypes
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

from testbed import __version__
from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, Frame, SessionReader, TwinState
from testbed.signals import Command, Event, Level, Sample, Signal

from .messages import log_class, message_class
from .needs import needed
from .timeline import Progress, Record, timeline, unheard

METADATA = "testbed.session"
"""The name of the metadata record that holds the session's metadata, each value as JSON."""

LEVELS = {Level.INFO: "INFO", Level.WARNING: "WARNING", Level.ERROR: "ERROR"}
"""Our levels as foxglove.Log names them."""

_SEQUENCE_LIMIT = 1 << 32


def write_mcap(session: SessionReader, file: BinaryIO, progress: Progress = unheard) -> None:
    """Write all records in time order, the attachments and the metadata, as it reads them.

    Times are UTC in ns. One channel a signal, `/device/signal`, with what is known of the signal in its
    metadata; all else stands under `/testbed/`. `file` must be seekable.
    Raises MissingPart when the libraries are not installed.
    """
    with needed("MCAP"):
        from mcap.writer import Writer

    writer = Writer(file)
    writer.start(library=f"testbed {__version__}")
    _add_metadata(writer, session)
    channels = _Channels(writer, session.signals)
    for record in timeline(session, progress=progress):
        channels.add(record)
    writer.finish()


def _add_metadata(writer: Any, session: SessionReader) -> None:
    start_ns, _ = session.span()
    writer.add_metadata(METADATA, {key: json.dumps(value) for key, value in session.meta().items()})
    for name in session.attachments():
        media_type = _media_type(name)
        writer.add_attachment(start_ns, start_ns, name, media_type, session.attachment(name))


class _Channels:
    """Turns records into messages on channels; a channel is registered when it is first needed.

    Only signals have theirs from the start, so that one without a sample is known too.
    """

    def __init__(self, writer: Any, signals: list[Signal]) -> None:
        self._writer = writer
        self._signals = signals
        self._schemas: dict[type, int] = {}
        self._channels: dict[str, int] = {}
        self._counts: Counter[int] = Counter()
        self._sample_class, self._log_class = message_class("Sample"), log_class()
        self._frame_class, self._command_class = message_class("Frame"), message_class("Command")
        self._cycle_class, self._state_class = message_class("Cycle"), message_class("TwinState")
        self._samples = [
            self._channel(f"/{signal.device}/{signal.name}", self._sample_class, describe(signal))
            for signal in signals
        ]
        self._add: dict[type[Record], Callable[[Any], None]] = {
            Sample: self._sample,
            Frame: self._frame,
            Command: self._command,
            Event: self._event,
            Cycle: self._cycle,
            TwinState: self._twin_state,
        }

    def add(self, record: Record) -> None:
        """Write a record."""
        self._add[type(record)](record)

    def _sample(self, sample: Sample) -> None:
        message = self._sample_class(value=sample.value, quality=sample.quality, reason=sample.reason)
        self._write(self._samples[sample.signal], sample.time_ns, message)

    def _frame(self, frame: Frame) -> None:
        topic = f"/testbed/frames/{frame.device}"
        channel = self._channel(topic, self._frame_class, {"device": frame.device})
        self._write(channel, frame.time_ns, self._frame_class(direction=frame.direction, data=frame.data))

    def _command(self, command: Command) -> None:
        signal = self._signals[command.signal]
        topic = f"/testbed/commands/{signal.device}/{signal.name}"
        channel = self._channel(topic, self._command_class, describe(signal))
        message = self._command_class(
            value=command.value,
            requester=command.requester,
            priority=command.priority.name,
            verdict=command.verdict,
            outcome=command.outcome,
            reason=command.reason,
            deadline_ns=command.deadline_ns,
            cause_ns=command.cause_ns,
            sent_ns=command.sent_ns,
            done_ns=command.done_ns,
        )
        self._write(channel, command.time_ns, message)

    def _event(self, event: Event) -> None:
        channel = self._channel("/testbed/events", self._log_class, {})
        message = self._log_class(
            level=LEVELS[event.level], message=event.text, name=event.source, file=event.kind
        )
        message.timestamp.FromNanoseconds(event.time_ns)
        self._write(channel, event.time_ns, message)

    def _cycle(self, cycle: Cycle) -> None:
        channel = self._channel(f"/testbed/cycles/{cycle.loop}", self._cycle_class, {"loop": cycle.loop})
        message = self._cycle_class(
            lateness_ns=cycle.lateness_ns,
            age_ns=cycle.age_ns,
            latency_ns=cycle.latency_ns,
            acknowledged_ns=cycle.acknowledged_ns,
            overrun=bool(cycle.flags & OVERRUN),
            acted_safe=bool(cycle.flags & ACTED_SAFE),
            setpoint=cycle.setpoint,
            measured=cycle.measured,
            output=cycle.output,
            p=cycle.p,
            i=cycle.i,
            d=cycle.d,
        )
        self._write(channel, cycle.time_ns, message)

    def _twin_state(self, state: TwinState) -> None:
        topic = f"/testbed/twins/{state.device}"
        channel = self._channel(topic, self._state_class, {"device": state.device})
        self._write(channel, state.time_ns, self._state_class(values=state.values))

    def _write(self, channel: int, time_ns: int, message: Any) -> None:
        sequence = self._counts[channel]
        self._counts[channel] = (sequence + 1) % _SEQUENCE_LIMIT
        self._writer.add_message(channel, time_ns, message.SerializeToString(), time_ns, sequence)

    def _channel(self, topic: str, kind: Any, metadata: dict[str, str]) -> int:
        if topic not in self._channels:
            self._channels[topic] = self._writer.register_channel(
                topic, "protobuf", self._schema(kind), metadata
            )
        return self._channels[topic]

    def _schema(self, kind: Any) -> int:
        from mcap_protobuf.schema import register_schema

        if kind not in self._schemas:
            self._schemas[kind] = register_schema(self._writer, kind)
        return self._schemas[kind]


def _media_type(name: str) -> str:
    if name.endswith((".yaml", ".yml")):  # RFC 9512; not every system's table has it
        return "application/yaml"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def describe(signal: Signal) -> dict[str, str]:
    """Return what is known of a signal as texts; what there is not is left out."""
    low, high = signal.limits or (None, None)
    told = {
        "device": signal.device,
        "signal": signal.name,
        "unit": signal.unit,
        "title": signal.title,
        "access": signal.access,
        "low": low,
        "high": high,
        "slew": signal.slew,
        "safe": signal.safe,
        "period_ns": signal.period_ns or None,
    }
    return {key: str(value) for key, value in told.items() if value is not None}
