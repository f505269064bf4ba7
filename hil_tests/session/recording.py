"""A small rig of signals and a session recorded in real time, for the tests of the session file."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from testbed.clock import SystemClock
from testbed.links import Direction
from testbed.session.file import SessionWriter
from testbed.session.file.columns import CycleLog, FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Access, Command, Event, Level, Outcome, Quality, Sample, Signal

RIG = [
    Signal(0, "probe", "temperature", "degC", period_ns=100_000_000, title="air in the chamber"),
    Signal(1, "heater", "duty", "%", Access.WRITE, limits=(0.0, 100.0), slew=50.0, safe=0.0),
    Signal(2, "fan", "running", access=Access.NOTIFY),
]


@contextlib.asynccontextmanager
async def record(
    path: Path,
    *,
    metadata: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    end: Mapping[str, Any] | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> AsyncIterator[SessionWriter]:
    """Record RIG; by default a failure fails the test and the run ends with the verdict passed."""
    failures: list[str] = []
    clock = SystemClock()
    writer = SessionWriter(
        path,
        clock,
        RIG,
        metadata=metadata or {},
        attachments=attachments or {},
        on_failure=on_failure or failures.append,
    )
    try:
        writer.start()
        try:
            yield writer
        finally:
            writer.close({"verdict": "passed", "expectations": [], **(end or {})})
    finally:
        clock.close()
    assert not failures


@functools.cache
def whole() -> bytes:
    """Return the bytes of a small session with something of everything in it."""
    column, frames, cycles = SampleColumn(0), FrameColumn("probe"), CycleLog("hold")
    command = Command(1, 40.0, "loop hold", 5, 10)
    command.finish(Outcome.ACKNOWLEDGED, 6)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.session")
        store = Store(path)
        store.create(RIG, {"started_ns": 1, "bench": "rig"}, {"bench.yaml": b"bench: rig\n"})
        for part in range(3):
            for number in range(200):
                column.add(Sample(0, part * 1000 + number, 20.0 + number))
                frames.add(part * 1000 + number, Direction.RX, b"20.5\n")
                cycles.add(part * 1000 + number, 1, 2, 3, 4, 0)
            column.add(Sample(0, part * 1000 + 500, 0.0, Quality.BAD, "offline: pulled"))
            taken = [column.take()], [frames.take()], [cycles.take()]
            samples, passed, ran = ([each for each in some if each] for some in taken)
            events = [Event(part, Level.WARNING, "probe", "offline", "pulled")]
            states = [("chamber", part * 1000, {"air": 21.5, "load": 20.0})]
            loops = [] if part else ["hold"]
            ticks = [("probe", part, part * 1000)]
            late = [("probe", part * 1000, part * 1000 + 7)]
            batch = Batch(
                samples, passed, loops, ran, [command], events, [(1, 2)], states, ticks, [(3, 4)], late
            )  # fmt: skip
            store.write(batch)
        expectations = [{"text": "stays below 85 degC", "verdict": "passed", "margin": 1.0, "unit": "degC"}]
        store.finish({"ended_ns": 9999, "verdict": "passed", "expectations": expectations})
        store.close()
        return path.read_bytes()
