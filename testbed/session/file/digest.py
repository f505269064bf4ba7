"""Two fingerprints of a session (docs/sessions.md tells their bytes, so that anybody can reckon them).

`file` is that of what stands in the tables. `stream` is that of what was recorded: however its chunks are
cut and its signals are numbered, the same frames, samples, commands and events give the same.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from testbed.signals import Command, Event

from .checks import row_bytes
from .reader import SessionReader
from .rows import little

_encode = msgspec.msgpack.Encoder().encode


def digests(session: SessionReader) -> dict[str, str]:
    """Return both fingerprints in hexadecimal; raises DamagedInput for a damaged session."""
    return {"file": file_digest(session), "stream": stream_digest(session)}


def file_digest(session: SessionReader) -> str:
    """Return the fingerprint of what stands in the tables."""
    whole = hashlib.sha256()
    for table, row in session.table_rows():
        whole.update(row_bytes(table, row))
    return whole.hexdigest()


def stream_digest(session: SessionReader) -> str:
    """Return the fingerprint of what was recorded."""
    whole = hashlib.sha256()
    for part in _parts(session):
        whole.update(_encode(part))
    return whole.hexdigest()


def _parts(session: SessionReader) -> Iterator[list[object]]:
    for signal in sorted(session.signals, key=lambda signal: signal.path.encode()):
        count, *columns = _samples(session, signal.id)
        if count:
            yield ["samples", signal.path, count, *columns]
    for device in sorted(session.frame_counts(), key=str.encode):
        yield ["frames", device, *_frames(session, device)]
    paths = [signal.path for signal in session.signals]
    yield ["commands", *_rows(session.commands(), lambda command: _command(command, paths))]
    yield ["events", *_rows(session.events(), _event)]


def _samples(session: SessionReader, signal: int) -> list[int | bytes]:
    times, values, qualities = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    count, begin = 0, 0
    for chunk in session.signal_chunks(signal):
        if not count:
            begin = chunk.first
        count += len(chunk.times)
        times.update(little(chunk.times))
        values.update(little(_one_nan(chunk.values)))
        qualities.update(chunk.qualities)
    reasons = hashlib.sha256()
    for turn in _turns(session, signal, begin):
        reasons.update(_encode(turn))
    return [count, *(column.digest() for column in (times, values, qualities, reasons))]


def _turns(session: SessionReader, signal: int, begin: int) -> Iterator[tuple[int, int, str]]:
    """Yield (number of the sample, quality, reason) where these change; they begin as good and empty.

    Of what was before the first sample, number `begin`, only the last counts.
    """
    turns = {max(0, first - begin): (quality, reason) for first, quality, reason in session.turns(signal)}
    before = (0, "")
    for number, turn in turns.items():
        if turn != before:
            yield number, *turn
        before = turn


def _one_nan(values: array[float]) -> array[float]:
    """Return the values with one and the same NaN; processors make them with other bits."""
    if not math.isnan(sum(values)):
        return values
    return array("d", [value if value == value else math.nan for value in values])


def _frames(session: SessionReader, device: str) -> list[int | bytes]:
    count = 0
    times, directions, lengths, data = (hashlib.sha256() for _ in range(4))
    for chunk in session.frame_chunks(device):
        count += len(chunk.times)
        times.update(little(chunk.times))
        directions.update(chunk.directions)
        lengths.update(little(chunk.lengths))
        data.update(chunk.data)
    return [count, *(column.digest() for column in (times, directions, lengths, data))]


def _rows(records: Iterable[Any], row: Callable[[Any], list[object]]) -> list[int | bytes]:
    rows, count = hashlib.sha256(), 0
    for record in records:
        count += 1
        rows.update(_encode(row(record)))
    return [count, rows.digest()]


def _command(command: Command, paths: list[str]) -> list[object]:
    return [
        paths[command.signal],
        None if math.isnan(command.value) else command.value,
        command.requester,
        command.time_ns,
        command.deadline_ns,
        command.cause_ns,
        int(command.priority),
        command.verdict.value,
        command.outcome.value,
        command.reason,
        command.sent_ns,
        command.done_ns,
    ]


def _event(event: Event) -> list[object]:
    return [event.time_ns, event.level.value, event.source, event.kind, event.text]
