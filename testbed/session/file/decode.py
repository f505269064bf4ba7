"""From a row of the database back to what was recorded; what cannot be is a ValueError."""

from __future__ import annotations

import json
import math
import sys
from array import array
from collections.abc import Iterator
from typing import Any

from testbed.links import Direction
from testbed.signals import Access, Command, Event, Level, Outcome, Priority, Quality, Signal, Verdict

from .checks import check
from .columns import FrameChunk
from .records import Chunk, Cycle, Frame, TwinState

Row = tuple[Any, ...]


def signal_of(row: Row) -> Signal:
    """Return the signal of a row of `signals`."""
    number, device, name, unit, access, low, high, slew, safe, period_ns, title, _ = check("signals", row)
    limits = None if low is None or high is None else (low, high)
    return Signal(number, device, name, unit, Access(access), limits, slew, safe, period_ns, title)


def chunk_of(row: Row) -> Chunk:
    """Return the chunk of a row of `chunks`."""
    number, signal, first, n, *_, qualities, times, values = check("chunks", row)
    what = f"chunk {number}"
    chunk = Chunk(
        number,
        signal,
        first,
        column("q", times, n, what),
        column("d", values, n, what),
        bytes(len(times) // 8) if qualities is None else _bytes(qualities, n, what),
    )
    if n < 1 or max(chunk.qualities) > Quality.BAD:
        raise ValueError(f"{what} holds no samples or an unknown quality")
    return chunk


def frame_chunk_of(row: Row) -> FrameChunk:
    """Return the columns of a row of `frames`."""
    number, device, first, n, *_, times, directions, lengths, data = check("frames", row)
    what = f"frames {number}"
    sizes = column("I", lengths, n, what)
    _bytes(data, sum(sizes), what)
    directions = bytearray(_bytes(directions, n, what))
    return FrameChunk(device, first, column("q", times, n, what), directions, sizes, data)


def frames_of(chunk: FrameChunk) -> Iterator[Frame]:
    """Yield the frames of a chunk."""
    end = 0
    for time_ns, direction, size in zip(chunk.times, chunk.directions, chunk.lengths, strict=True):
        end += size
        yield Frame(time_ns, chunk.device, Direction(direction), chunk.data[end - size : end])


def cycles_of(row: Row) -> Iterator[Cycle]:
    """Yield the cycles of a row of `cycles`."""
    number, loop, _, n, _, _, _, times, *durations, flags, setpoint, measured, output, p, i, d = check(
        "cycles", row
    )
    what = f"cycles {number}"
    timing = (column("q", blob, n, what) for blob in durations)
    terms = (_term(value, n, what) for value in (setpoint, measured, output, p, i, d))
    for time_ns, *rest in zip(
        column("q", times, n, what), *timing, _bytes(flags, n, what), *terms, strict=True
    ):
        yield Cycle(time_ns, loop, *rest)


def command_of(row: Row) -> Command:
    """Return the command of a row of `commands`."""
    _, signal, value, requester, time_ns, deadline_ns, cause_ns, priority, *rest = check("commands", row)
    verdict, outcome, reason, sent_ns, done_ns, asked, _ = rest
    return Command(
        signal=signal,
        value=math.nan if value is None else value,
        requester=requester,
        time_ns=time_ns,
        deadline_ns=deadline_ns,
        cause_ns=cause_ns,
        priority=Priority(priority),
        verdict=Verdict(verdict),
        outcome=Outcome(outcome),
        reason=reason,
        sent_ns=sent_ns,
        done_ns=done_ns,
        asked=math.nan if asked is None else asked,
    )


def event_of(row: Row) -> Event:
    """Return the event of a row of `events`."""
    _, time_ns, level, source, kind, text, _ = check("events", row)
    return Event(time_ns, Level(level), source, kind, text)


def state_of(row: Row) -> TwinState:
    """Return the state of a row of `twin_states`."""
    _, device, time_ns, state, _ = check("twin_states", row)
    values = {name: math.nan if value is None else value for name, value in json.loads(state).items()}
    return TwinState(time_ns, device, values)


def column(kind: str, blob: bytes, n: int, what: str) -> array[Any]:
    """Return a blob of `n` little-endian numbers."""
    numbers: array[Any] = array(kind)
    numbers.frombytes(_bytes(blob, n * numbers.itemsize, what))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _term(value: bytes | float | None, n: int, what: str) -> array[float]:
    """Return a column that may be one number for all its rows."""
    if isinstance(value, bytes):
        return column("d", value, n, what)
    return array("d", [math.nan if value is None else value]) * n


def _bytes(blob: bytes, size: int, what: str) -> bytes:
    if not isinstance(blob, bytes) or len(blob) != size:
        raise ValueError(f"{what}: not the {size} bytes that belong there")
    return blob
