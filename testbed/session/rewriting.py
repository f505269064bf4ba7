"""Writes records that are there already into a new session: what was imported, or trimmed."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from testbed.control.terms import Terms
from testbed.errors import UsageError
from testbed.signals import Command, Event, Sample, Signal

from .exports import Kind, Record
from .file import Cycle, CycleLog, Frame, TwinState
from .file.columns import FrameColumn, SampleColumn
from .file.store import Batch, Store

_COMMIT = 100_000  # records held in memory at a time
_ENDINGS = ("", "-wal", "-shm", "-journal")


@contextlib.contextmanager
def new_session(path: Path) -> Iterator[Store]:
    """Yield the store of a session that gets the name `path` when the block has ended well.

    Raises UsageError when it exists already or cannot be written; nothing half is left behind.
    """
    if path.exists():
        raise UsageError(f"{path} exists already, and no recording is ever overwritten", "give -o FILE")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.open("xb").close()
    except OSError as error:
        raise UsageError(f"cannot write {part}: {error.strerror}", "give another place") from error
    try:
        store = Store(part)
        try:
            yield store
        finally:
            store.close()
        os.replace(part, path)
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"cannot write {path}: {error}", "give another place") from error
    finally:
        for ending in _ENDINGS:
            Path(f"{part}{ending}").unlink(missing_ok=True)


class Rewriter:
    """Gathers records of every kind into columns and commits them to a store that is laid out."""

    def __init__(self, signals: Sequence[Signal], store: Store) -> None:
        self.counts: Counter[Kind] = Counter()
        self.total = 0
        self._store = store
        self._samples = [SampleColumn(signal.id) for signal in signals]
        self._frames: dict[str, FrameColumn] = {}
        self._cycles: dict[str, CycleLog] = {}
        self._rows = Batch()
        self._start_ns: float = math.inf
        self._end_ns = 0

    def add(self, record: Record) -> None:
        """Append a record to its column; every now and then all is committed."""
        self.counts[self._append(record)] += 1
        self._start_ns = min(self._start_ns, record.time_ns)
        self._end_ns = max(self._end_ns, record.time_ns)
        self.total += 1
        if self.total % _COMMIT == 0:
            self.commit()

    def loop(self, name: str) -> CycleLog:
        """Return the log of a loop, which is listed even if it holds no cycle."""
        if name not in self._cycles:
            self._cycles[name] = CycleLog(name)
            self._rows.loops.append(name)
        return self._cycles[name]

    def clock_pair(self, session_ns: int, utc_ns: int) -> None:
        """Append what the system's clock said at a session time."""
        self._rows.clock_pairs.append((session_ns, utc_ns))

    def timing(
        self,
        ticks: Mapping[tuple[str, int], int],
        holdups: Iterable[tuple[int, int]],
        overtaken: Mapping[tuple[str, int], int],
    ) -> None:
        """Append what a replay keeps to (see SessionReader.ticks, holdups and overtaken)."""
        self._rows.ticks += [(owner, ticker, due_ns) for (owner, ticker), due_ns in ticks.items()]
        self._rows.holdups += holdups
        self._rows.overtaken += [
            (device, time_ns, after_ns) for (device, time_ns), after_ns in overtaken.items()
        ]

    def commit(self) -> None:
        """Write what has gathered."""
        batch, self._rows = self._rows, Batch()
        batch.samples = [chunk for column in self._samples if (chunk := column.take())]
        batch.frames = [passed for column in self._frames.values() if (passed := column.take())]
        batch.cycles = [ran for log in self._cycles.values() if (ran := log.take())]
        self._store.write(batch)

    def span(self) -> tuple[int, int]:
        """Return the earliest and the latest time of what was added; (0, 0) of nothing."""
        return (int(self._start_ns), self._end_ns) if self.total else (0, 0)

    def _append(self, record: Record) -> Kind:
        match record:
            case Sample():
                self._samples[record.signal].add(record)
                return Kind.SAMPLES
            case Frame(time_ns, device, direction, data):
                self._frames.setdefault(device, FrameColumn(device)).add(time_ns, direction, data)
                return Kind.FRAMES
            case Command():
                self._rows.commands.append(record)
                return Kind.COMMANDS
            case Event():
                self._rows.events.append(record)
                return Kind.EVENTS
            case TwinState(time_ns, device, values):
                self._rows.twin_states.append((device, time_ns, values))
                return Kind.TWIN_STATES
            case Cycle():
                self._add_cycle(record)
                return Kind.CYCLES

    def _add_cycle(self, cycle: Cycle) -> None:
        terms = Terms(cycle.setpoint, cycle.measured, cycle.output, cycle.p, cycle.i, cycle.d)
        timing = (cycle.lateness_ns, cycle.age_ns, cycle.latency_ns, cycle.acknowledged_ns)
        self.loop(cycle.loop).add(cycle.time_ns, *timing, cycle.flags, terms)
