"""From what was gathered to the rows of the database; decode.py goes the other way.

Rows come without their first column, the id, and without their crc: the store gives both.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from testbed.links import Direction
from testbed.signals import Command, Event, Signal

from .columns import CycleChunk, FrameChunk, Reason, SampleChunk

Row = tuple[Any, ...]

Redact = Callable[[str], str]
"""Takes out of a text what nobody may read."""


def sample_row(chunk: SampleChunk) -> Row:
    """Return the row of `chunks`."""
    times, values, qualities = chunk.times, chunk.values, chunk.qualities
    place = (chunk.signal, chunk.first, len(times), min(times), max(times))
    told = bytes(qualities) if any(qualities) else None
    return (*place, *_extremes(times, values), told, little(times), little(values))


def reason_row(reason: Reason, redact: Redact) -> Row:
    """Return the row of `reasons`."""
    return (*reason[:4], text(redact(reason.reason)))


def frame_row(chunk: FrameChunk, redact: Redact) -> Row:
    """Return the row of `frames`."""
    times, lengths, data = chunk.times, chunk.lengths, chunk.data
    if Direction.LOST in chunk.directions:
        lengths, data = _without_secrets(chunk, redact)
    marks = chunk.directions.count(Direction.OPEN) + chunk.directions.count(Direction.LOST)
    place = (chunk.device, chunk.first, len(times), min(times), max(times), marks)
    return (*place, little(times), bytes(chunk.directions), little(lengths), data)


def cycle_row(chunk: CycleChunk) -> Row:
    """Return the row of `cycles`."""
    times = chunk.times
    place = (chunk.loop, chunk.first, len(times), min(times), max(times))
    durations = map(little, chunk.durations)
    return (*place, little(times), *durations, bytes(chunk.flags), *map(_compact, chunk.terms))


def signal_row(signal: Signal) -> Row:
    """Return the row of `signals`, with its id."""
    low, high = signal.limits or (None, None)
    place = (signal.id, signal.device, signal.name, signal.unit, str(signal.access))
    return (*place, low, high, signal.slew, signal.safe, signal.period_ns, signal.title)


def attachment_row(name: str, data: bytes) -> Row:
    """Return the row of `attachments`."""
    return name, hashlib.sha256(data).hexdigest(), data


def command_row(command: Command, redact: Redact) -> Row:
    """Return the row of `commands`."""
    return (
        command.signal,
        None if command.value != command.value else command.value,
        text(command.requester),
        command.time_ns,
        command.deadline_ns,
        command.cause_ns,
        int(command.priority),
        str(command.verdict),
        str(command.outcome),
        text(redact(command.reason)),
        command.sent_ns,
        command.done_ns,
        None if command.asked != command.asked else command.asked,
    )


def event_row(event: Event, redact: Redact) -> Row:
    """Return the row of `events`."""
    told = text(redact(event.text))
    return (event.time_ns, str(event.level), text(event.source), text(event.kind), told)


def state_row(device: str, time_ns: int, state: Mapping[str, float]) -> Row:
    """Return the row of `twin_states`."""
    return device, time_ns, to_json(state)


def text(said: str) -> str:
    """Return `said` as UTF-8 can hold it: what a device garbled must not stop the recording."""
    return said if said.isascii() else said.encode("utf-8", "backslashreplace").decode()


def to_json(value: Any, redact: Redact = str) -> str:
    """Return `value` as JSON; what JSON has no number for (NaN, the infinities) becomes null."""
    return json.dumps(finite(value, redact), allow_nan=False, default=str)


def finite(value: Any, redact: Redact = str) -> Any:
    """Return `value` with every NaN and infinity in it replaced by None, and every text redacted."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): finite(each, redact) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each, redact) for each in value]
    return value


def _extremes(
    times: array[int], values: array[float]
) -> tuple[float, int, float, int] | tuple[None, None, None, None]:
    """Return (lowest, its time, highest, its time), NaN left out."""
    total = sum(values)
    if total != total:  # there is a NaN, or both infinities
        pairs = [(value, time_ns) for value, time_ns in zip(values, times, strict=True) if value == value]
        if not pairs:
            return None, None, None, None
        values = array("d", [value for value, _ in pairs])
        times = array("q", [time_ns for _, time_ns in pairs])
    low, high = min(values), max(values)
    return low, times[values.index(low)], high, times[values.index(high)]


def _without_secrets(chunk: FrameChunk, redact: Redact) -> tuple[array[int], bytes]:
    """Return lengths and bytes of the frames; a mark that says why a link was lost says it in words."""
    frames, end = [], 0
    for direction, size in zip(chunk.directions, chunk.lengths, strict=True):
        end += size
        data = chunk.data[end - size : end]
        if direction == Direction.LOST:
            data = redact(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        frames.append(data)
    return array("I", map(len, frames)), b"".join(frames)


def _compact(column: array[float]) -> bytes | float | None:
    """Return a column of a controller's terms: one number where all are the same, None for all NaN."""
    packed = little(column)
    if packed != packed[:8] * len(column):
        return packed
    return None if column[0] != column[0] else column[0]


def little(column: array[Any]) -> bytes:
    """Return a column as it stands in a blob."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()
