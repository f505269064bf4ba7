"""Writes what a recording holds into a session file."""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.control.pid import Terms
from testbed.errors import DamagedInput, UsageError
from testbed.session.exports import Record
from testbed.session.file import Cycle, CycleLog, Frame, TwinState
from testbed.session.file.columns import FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Command, Event, Sample

from .source import Source

VERDICT = "imported"
"""What stands in place of a verdict: nobody ran anything."""

_COMMIT = 100_000  # records held in memory at a time


@dataclass
class Imported:
    """What came in; times are UTC in ns."""

    session: str
    signals: int = 0
    samples: int = 0
    frames: int = 0
    commands: int = 0
    events: int = 0
    cycles: int = 0
    twin_states: int = 0
    start_ns: int = 0
    end_ns: int = 0
    left_out: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def write_session(
    source: Source, file: Path, session: Path, progress: Callable[[int], None] = lambda count: None
) -> Imported:
    """Make a session at `session` of a recording read from `file`; returns what came in.

    The session gets its name only once it is whole. `progress` is called now and then with how many
    records have been read. Raises UsageError when the session exists or cannot be made, DamagedInput
    when the recording cannot be read or holds nothing.
    """
    if session.exists():
        raise UsageError(f"{session} exists already, and no recording is ever overwritten", "give -o FILE")
    part = session.with_name(session.name + ".part")
    try:
        session.parent.mkdir(parents=True, exist_ok=True)
        part.open("xb").close()
    except OSError as error:
        raise UsageError(f"cannot write {part}: {error.strerror}", "give another file with -o") from error
    try:
        imported = _write(source, file, part, progress)
        os.replace(part, session)
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"cannot write {session}: {error}", "give another file with -o") from error
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{part}{ending}").unlink(missing_ok=True)
    imported.session = str(session)
    return imported


def _write(source: Source, file: Path, part: Path, progress: Callable[[int], None]) -> Imported:
    store = Store(part)
    try:
        store.create(source.signals, _metadata(source, file), source.attachments)
        gathered = _Gathered(source, store)
        for number, record in enumerate(source.records(), 1):
            gathered.add(record)
            if number % _COMMIT == 0:
                gathered.commit()
                progress(number)
        gathered.commit()
        imported = gathered.told()
        if imported.start_ns > imported.end_ns:
            raise DamagedInput(f"{file}: holds no record that could be imported", *source.left_out[:1])
        store.finish({"started_ns": imported.start_ns, "ended_ns": imported.end_ns, "verdict": VERDICT})
    finally:
        store.close()
    return imported


def _metadata(source: Source, file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    read = {"file": file.name, "form": source.form, "sha256": digest, "bytes": file.stat().st_size}
    return {
        "started_ns": 0,  # written again once it is known
        "mode": "import",
        "bench": source.origin.get("bench", file.stem),
        "source": read,
        "origin": source.origin,
        "left_out": list(source.left_out),
        "testbed": __version__,
    }


class _Gathered:
    """Gathers records into columns and commits them."""

    def __init__(self, source: Source, store: Store) -> None:
        self._source = source
        self._store = store
        self._samples = [SampleColumn(signal.id) for signal in source.signals]
        self._frames: dict[str, FrameColumn] = {}
        self._cycles: dict[str, CycleLog] = {}
        self._rows = Batch()
        self._counts: Counter[type[Record]] = Counter()
        self._start_ns: float = math.inf
        self._end_ns = -1

    def add(self, record: Record) -> None:
        """Append a record to its column."""
        self._counts[type(record)] += 1
        self._start_ns = min(self._start_ns, record.time_ns)
        self._end_ns = max(self._end_ns, record.time_ns)
        match record:
            case Sample():
                self._samples[record.signal].add(record)
            case Frame(time_ns, device, direction, data):
                self._frames.setdefault(device, FrameColumn(device)).add(time_ns, direction, data)
            case Cycle():
                terms = Terms(record.setpoint, record.measured, record.output, record.p, record.i, record.d)
                self._log(record.loop).add(
                    record.time_ns, record.lateness_ns, record.age_ns, record.latency_ns,
                    record.acknowledged_ns, record.flags, terms,
                )  # fmt: skip
            case Command():
                self._rows.commands.append(record)
            case Event():
                self._rows.events.append(record)
            case TwinState(time_ns, device, values):
                self._rows.twin_states.append((device, time_ns, values))

    def commit(self) -> None:
        """Write what has gathered."""
        batch, self._rows = self._rows, Batch()
        batch.samples = [chunk for column in self._samples if (chunk := column.take())]
        batch.frames = [passed for column in self._frames.values() if (passed := column.take())]
        batch.cycles = [ran for log in self._cycles.values() if (ran := log.take())]
        self._store.write(batch)

    def told(self) -> Imported:
        """Return what came in."""
        counts = self._counts
        return Imported(
            "", len(self._source.signals), counts[Sample], counts[Frame], counts[Command], counts[Event],
            counts[Cycle], counts[TwinState], 0 if self._end_ns < 0 else int(self._start_ns), self._end_ns,
            list(self._source.left_out),
        )  # fmt: skip

    def _log(self, loop: str) -> CycleLog:
        if loop not in self._cycles:
            self._cycles[loop] = CycleLog(loop)
            self._rows.loops.append(loop)
        return self._cycles[loop]
