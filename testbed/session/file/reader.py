"""Reads a session: a finished one, one that is being written now, or what a killed one left."""

from __future__ import annotations

import hashlib
import heapq
import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from testbed.signals import Command, Event, Level, Quality, Sample, Signal

from .decode import (
    CHUNKS,
    COMMANDS,
    CYCLES,
    FRAMES,
    chunk_of,
    command_of,
    cycles_of,
    frames_of,
    signal_of,
)
from .opening import OpenSession
from .records import Chunk, Cycle, Frame, Newest

_GATHER = 20_000  # samples sorted at a time; beyond that only what overlaps is held
_QUALITIES = tuple(Quality)

UNFINISHED = "unfinished"
"""The verdict of a session that is running still, or was killed."""


class SessionReader(OpenSession):
    """A session opened read-only.

    Every method reads what is committed at that moment and raises DamagedInput, naming the file and
    what is wrong, when that is not what a session holds. Iterators read as they go, so a session of
    any length fits.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`; raises UsageError when there is no such file, DamagedInput when it is no session."""
        super().__init__(path)
        with self._guard():
            self.signals = [signal_of(row) for row in self._query("SELECT * FROM signals ORDER BY id")]
            if [signal.id for signal in self.signals] != list(range(len(self.signals))):
                raise ValueError("its signals are not numbered from 0")

    # What the session is ----------------------------------------------------------------------

    def meta(self) -> dict[str, Any]:
        """Return the metadata: what was known at the start and, once the session has ended, its end."""
        with self._guard():
            return {key: json.loads(value) for key, value in self._query("SELECT key, value FROM meta")}

    def signal(self, path: str) -> Signal:
        """Return the signal called `device.name`; raises KeyError for an unknown one."""
        return {signal.path: signal for signal in self.signals}[path]

    def attachments(self) -> list[str]:
        """Return the names of the attachments."""
        with self._guard():
            return [name for (name,) in self._query("SELECT name FROM attachments ORDER BY name")]

    def attachment(self, name: str) -> bytes:
        """Return an attachment, checked against its SHA-256; raises KeyError for an unknown name."""
        with self._guard():
            row = self._query("SELECT data, sha256 FROM attachments WHERE name = ?", name).fetchone()
            if row is not None and hashlib.sha256(row[0]).hexdigest() != row[1]:
                raise ValueError(f"attachment {name!r} does not match its SHA-256")
        if row is None:
            raise KeyError(name)
        return bytes(row[0])

    def verdict(self) -> str:
        """Return the verdict of the run; UNFINISHED while it runs, and for ever when it was killed."""
        return str(self.meta().get("verdict", UNFINISHED))

    def expectations(self) -> list[dict[str, Any]]:
        """Return the expectations with their verdicts; UNFINISHED until the run has judged them."""
        found = self.meta().get("expectations", [])
        with self._guard():
            if not (isinstance(found, list) and all(isinstance(each, (str, dict)) for each in found)):
                raise ValueError("its expectations are neither texts nor objects")
        return [
            {"text": each, "verdict": UNFINISHED, "margin": None, "unit": ""}
            if isinstance(each, str)
            else each
            for each in found
        ]

    def span(self) -> tuple[int, int]:
        """Return (start, end) in ns; a session that was not closed ends with the last it recorded."""
        meta = self.meta()
        with self._guard():
            start_ns, end_ns = meta.get("started_ns"), meta.get("ended_ns", self._last_ns())
            if not isinstance(start_ns, int) or not isinstance(end_ns, int | None) or start_ns < 0:
                raise ValueError(f"it lasted from {start_ns!r} to {end_ns!r}, which are no times")
        return start_ns, max(start_ns, end_ns or 0)

    def _last_ns(self) -> int | None:
        rows = self._query(
            "SELECT max(t1) FROM chunks UNION ALL SELECT max(t1) FROM frames "
            "UNION ALL SELECT max(t1) FROM cycles UNION ALL SELECT max(time_ns) FROM events"
        )
        return max((time_ns for (time_ns,) in rows if time_ns is not None), default=None)

    # Samples ----------------------------------------------------------------------------------

    def samples(self, signals: Sequence[int] | None = None) -> Iterator[Sample]:
        """Yield the samples of the given signals (all by default) in time order.

        Samples of one time come in the order of the signals, and of one signal as they arrived.
        """
        reasons = {signal.id: self._reasons(signal.id) for signal in self.signals}
        for time_ns, signal, number, value, quality in self.sample_rows(signals):
            numbers, texts = reasons[signal]
            at = bisect_right(numbers, number)
            yield Sample(signal, time_ns, value, _QUALITIES[quality], texts[at - 1] if at else "")

    def sample_rows(self, signals: Sequence[int] | None = None) -> Iterator[tuple[int, int, int, float, int]]:
        """Yield (time, signal, how many of this signal came before, value, quality) in time order."""
        gathered: list[tuple[int, int, int, float, int]] = []
        limit = _GATHER
        for t0, number in self._chunks_by_time(signals):
            if len(gathered) >= limit:
                gathered.sort()
                ready = bisect_left(gathered, (t0,))  # nothing still to come is earlier than t0
                yield from gathered[:ready]
                del gathered[:ready]
                limit = max(_GATHER, 2 * len(gathered))
            gathered.extend(self._chunk(number).rows())
        gathered.sort()
        yield from gathered

    def series(self, signal: int) -> tuple[array[int], array[float], bytes]:
        """Return all times (ns), values and qualities of one signal, as they arrived."""
        times: array[int] = array("q")
        values: array[float] = array("d")
        qualities = bytearray()
        with self._guard():
            for row in self._query(CHUNKS + " WHERE signal = ? ORDER BY id", signal):
                chunk = self._decoded(row)
                times += chunk.times
                values += chunk.values
                qualities += chunk.qualities
        return times, values, bytes(qualities)

    def chunks(self, after: int = 0) -> Iterator[Chunk]:
        """Yield the chunks committed after the one whose id is `after`, in the order of their commit."""
        with self._guard():
            for row in self._query(CHUNKS + " WHERE id > ? ORDER BY id", after):
                yield self._decoded(row)

    def newest(self) -> dict[int, Newest]:
        """Return, for each signal that has samples, how many there are and the last that arrived."""
        with self._guard():
            rows = self._query("SELECT signal, sum(n), max(id) FROM chunks GROUP BY signal").fetchall()
        return {signal: Newest(total, self._chunk(number).last()) for signal, total, number in rows}

    # Frames, commands, events, loops ----------------------------------------------------------

    def frame_counts(self) -> dict[str, int]:
        """Return how many frames each device has."""
        with self._guard():
            return dict(self._query("SELECT device, sum(n) FROM frames GROUP BY device"))

    def frames(self, device: str | None = None) -> Iterator[Frame]:
        """Yield the frames of one device, or of all in time order; a device's frames stay in order."""
        devices = self.frame_counts() if device is None else [device]
        yield from heapq.merge(
            *(self._device_frames(name) for name in devices), key=lambda frame: frame.time_ns
        )

    def commands(self) -> Iterator[Command]:
        """Yield the settled commands in the order in which they were given."""
        with self._guard():
            for row in self._query(COMMANDS + " ORDER BY time_ns, id"):
                yield command_of(row)

    def events(self) -> Iterator[Event]:
        """Yield the events in time order."""
        with self._guard():
            for time_ns, level, *texts in self._query(
                "SELECT time_ns, level, source, kind, text FROM events ORDER BY time_ns, id"
            ):
                yield Event(time_ns, Level(level), *texts)

    def loops(self) -> list[str]:
        """Return the names of the loops, those that never ran too."""
        with self._guard():
            return [name for (name,) in self._query("SELECT name FROM loops ORDER BY name")]

    def cycles(self, loop: str) -> Iterator[Cycle]:
        """Yield the cycles of one loop in the order in which they ran."""
        with self._guard():
            for row in self._query(CYCLES + " WHERE loop = ? ORDER BY id", loop):
                yield from cycles_of(row)

    def cycles_after(self, number: int) -> Iterator[tuple[int, Cycle]]:
        """Yield (id of the commit, cycle) of all loops, committed after the one whose id is `number`."""
        with self._guard():
            for row in self._query(CYCLES + " WHERE id > ? ORDER BY id", number):
                for cycle in cycles_of(row):
                    yield row[0], cycle

    def cycle_chunks(self, after: int = 0) -> Iterator[tuple[int, str, list[Cycle]]]:
        """Yield (id, loop, cycles) as they were committed, after the one whose id is `after`."""
        with self._guard():
            for row in self._query(CYCLES + " WHERE id > ? ORDER BY id", after):
                yield row[0], row[1], list(cycles_of(row))

    def clock_pairs(self) -> list[tuple[int, int]]:
        """Return (session time, the system's UTC then) pairs in ns, as they were taken."""
        with self._guard():
            return list(self._query("SELECT session_ns, utc_ns FROM clock_pairs ORDER BY rowid"))

    # Within -----------------------------------------------------------------------------------

    def _chunks_by_time(self, signals: Sequence[int] | None) -> Iterator[tuple[int, int]]:
        """Yield (earliest time, id) of each chunk; read at once, so that no lock is held meanwhile."""
        wanted = set(range(len(self.signals)) if signals is None else signals)
        starts: array[int] = array("q")
        numbers: array[int] = array("q")
        with self._guard():
            for signal, t0, number in self._query("SELECT signal, t0, id FROM chunks ORDER BY t0, id"):
                if signal in wanted:
                    starts.append(t0)
                    numbers.append(number)
        return zip(starts, numbers, strict=True)

    def _chunk(self, number: int) -> Chunk:
        with self._guard():
            row = self._query(CHUNKS + " WHERE id = ?", number).fetchone()
            return self._decoded(row)

    def _decoded(self, row: tuple[Any, ...]) -> Chunk:
        chunk = chunk_of(row)
        if chunk.signal not in range(len(self.signals)):
            raise ValueError(f"chunk {chunk.id} belongs to signal {chunk.signal}, which there is not")
        return chunk

    def _reasons(self, signal: int) -> tuple[array[int], list[str]]:
        numbers: array[int] = array("q")
        texts = []
        with self._guard():
            for first, reason in self._query(
                "SELECT first, reason FROM reasons WHERE signal = ? ORDER BY first", signal
            ):
                numbers.append(first)
                texts.append(reason)
        return numbers, texts

    def _device_frames(self, device: str) -> Iterator[Frame]:
        with self._guard():
            for row in self._query(FRAMES + " WHERE device = ? ORDER BY id", device):
                yield from frames_of(row)
