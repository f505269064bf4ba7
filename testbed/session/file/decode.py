"""From a row of the database back to what was recorded; a blob of the wrong size is a ValueError."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterator
from typing import Any

from testbed.links import Direction
from testbed.signals import Access, Command, Outcome, Priority, Quality, Signal, Verdict

from .records import Chunk, Cycle, Frame

CHUNKS = "SELECT id, signal, first, n, qualities, times, samples FROM chunks"
FRAMES = "SELECT id, device, n, times, directions, lengths, data FROM frames"
CYCLES = "SELECT id, loop, n, times, lateness, age, latency, acknowledged, flags FROM cycles"
COMMANDS = (
    "SELECT signal, value, requester, time_ns, deadline_ns, cause_ns, priority, verdict, outcome, "
    "reason, sent_ns, done_ns FROM commands"
)


def signal_of(row: tuple[Any, ...]) -> Signal:
    """Return the signal of a row of `signals`."""
    number, device, name, unit, access, low, high, slew, safe, period_ns, title = row
    limits = None if low is None or high is None else (low, high)
    return Signal(number, device, name, unit, Access(access), limits, slew, safe, period_ns, title)


def chunk_of(row: tuple[Any, ...]) -> Chunk:
    """Return the chunk of a row of CHUNKS."""
    number, signal, first, n, qualities, times, values = row
    what = f"chunk {number}"
    chunk = Chunk(
        number,
        signal,
        first,
        _column("q", times, n, what),
        _column("d", values, n, what),
        bytes(len(times) // 8) if qualities is None else _bytes(qualities, n, what),
    )
    if n < 1 or max(chunk.qualities) > Quality.BAD:
        raise ValueError(f"{what} holds no samples or an unknown quality")
    return chunk


def frames_of(row: tuple[Any, ...]) -> Iterator[Frame]:
    """Yield the frames of a row of FRAMES."""
    number, device, n, times, directions, lengths, data = row
    what = f"frames {number}"
    sizes = _column("I", lengths, n, what)
    _bytes(data, sum(sizes), what)
    end = 0
    for time_ns, direction, size in zip(
        _column("q", times, n, what), _bytes(directions, n, what), sizes, strict=True
    ):
        end += size
        yield Frame(time_ns, device, Direction(direction), data[end - size : end])


def cycles_of(row: tuple[Any, ...]) -> Iterator[Cycle]:
    """Yield the cycles of a row of CYCLES."""
    number, loop, n, *columns, flags = row
    what = f"cycles {number}"
    times, *durations = (_column("q", blob, n, what) for blob in columns)
    for time_ns, *rest in zip(times, *durations, _bytes(flags, n, what), strict=True):
        yield Cycle(time_ns, loop, *rest)


def command_of(row: tuple[Any, ...]) -> Command:
    """Return the command of a row of COMMAND_COLUMNS."""
    signal, value, requester, time_ns, deadline_ns, cause_ns, priority, *rest = row
    verdict, outcome, reason, sent_ns, done_ns = rest
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
    )


def _column(kind: str, blob: bytes, n: int, what: str) -> array[Any]:
    column: array[Any] = array(kind)
    column.frombytes(_bytes(blob, n * column.itemsize, what))
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _bytes(blob: bytes, size: int, what: str) -> bytes:
    if not isinstance(blob, bytes) or len(blob) != size:
        raise ValueError(f"{what}: not the {size} bytes that belong there")
    return blob
