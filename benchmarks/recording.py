"""What it costs to record 50,000 samples and 5,000 frames a second in real time, and whether any is lost.

The peer records the same samples, and no frames, as one SQLite row each, with executemany in a thread.
And how many bytes a sample takes on disk in a recording of the demo bench.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from testbed.clock import NS, SystemClock
from testbed.links import Direction, Tap
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Hub, Sample, Signal, Stage

from .table import Row, print_table

SIGNALS = 50
RATE = 1000
"""Samples a second of each signal."""
FRAMES = 5
"""Frames a millisecond, one for each of five devices, 10 samples in each."""
FRAME = bytes(64)
TARGET = 50.0
"""Per cent of one core."""
DEMO = Path(__file__).parents[1] / "benches" / "thermal-rig.yaml"
COMPACT = 40.0
"""Bytes a sample, with its share of the raw frames' index."""


@dataclass
class Cost:
    """What a recording took: CPU in per cent of one core, and how many samples and frames came in."""

    cpu: float
    samples: int
    frames: int


def measure(quick: bool = False) -> list[Row]:
    seconds = 2.0 if quick else 10.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        idle = _run(_drive(seconds, lambda sample: None, [lambda *frame: None] * FRAMES))
        ours = _run(_record(folder / "columns.session", seconds))
        lost, size = _lost(folder / "columns.session", ours)
        rows = _run(_record_rows(folder / "rows.sqlite", seconds))
    asked = round(seconds * RATE) * SIGNALS
    return [
        Row(
            f"recording {SIGNALS * RATE:,} samples/s: CPU in all",
            ours.cpu,
            "% of a core",
            "a row each, executemany",
            rows.cpu,
            f"at most {TARGET:g}",
            ours.cpu <= TARGET,
        ),
        Row("  of it the recording itself", ours.cpu - idle.cpu, "% of a core", "", None),
        Row("  samples published", ours.samples, f"of {asked:,}", "", None),
        Row("  samples and frames lost", lost, "", target="none", ok=lost == 0),
        Row("  file", size / ours.samples, "bytes/sample", "", None),
        *_compactness(10 if quick else 30),
    ]


def _compactness(seconds: float) -> list[Row]:
    """Record the demo bench and count the pages of its tables (SQLite's dbstat)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "demo.session")
        command = [sys.executable, "-m", "testbed", "run", str(DEMO), "--emulate", "all", "--json"]
        options = ["--for", f"{seconds}s", "--session", str(path)]
        subprocess.run(
            [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        with contextlib.closing(sqlite3.connect(path)) as database:
            (samples,) = database.execute("SELECT sum(n) FROM chunks").fetchone()
            (raw,) = database.execute("SELECT sum(length(data)) FROM frames").fetchone()
            (pages,) = database.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name IN ('chunks', 'chunks_by_time', 'reasons', "
                "'reasons_by_signal', 'frames', 'frames_by_device')"
            ).fetchone()
        size = (pages - raw) / samples
        title = f"demo bench, {seconds:g} s: samples and the index of the raw frames"
        return [
            Row(title, size, "bytes/sample", target=f"at most {COMPACT:g}", ok=size <= COMPACT),
            Row("  the whole file, raw bytes and all", path.stat().st_size / samples, "bytes/sample"),
        ]


def _run(work: object) -> Cost:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cost: Cost = runner.run(work)  # type: ignore[arg-type]
    return cost


async def _drive(seconds: float, publish: Callable[[Sample], None], taps: list[Tap]) -> Cost:
    """Publish in real time for `seconds`; every millisecond that was slept through is made up for."""
    clock = SystemClock()
    hub = Hub(SIGNALS, _failed)
    hub.subscribe_all(Stage.RECORD, publish)
    done = asyncio.get_running_loop().create_future()
    start, steps, step = clock.now(), round(seconds * RATE), 0
    period = NS // RATE

    def tick() -> None:
        nonlocal step
        while step < steps and start + step * period <= clock.now():
            now = start + step * period
            for tap in taps:
                tap(now, Direction.RX, FRAME)
            for signal in range(SIGNALS):
                hub.publish(Sample(signal, now, step * 0.1))
            step += 1
        if step == steps and not done.done():
            done.set_result(None)

    before = _cpu()
    ticker = clock.every(period, tick)
    await done
    used = _cpu() - before
    ticker.cancel()
    clock.close()
    return Cost(100 * used / seconds, steps * SIGNALS, steps * len(taps))


async def _record(path: Path, seconds: float) -> Cost:
    clock = SystemClock()
    signals = [Signal(number, f"d{number % FRAMES}", f"s{number}", "V") for number in range(SIGNALS)]

    def failed(reason: str) -> None:
        raise RuntimeError(reason)

    writer = SessionWriter(path, clock, signals, metadata={}, attachments={}, on_failure=failed)
    writer.start()
    cost = await _drive(seconds, writer.sample, [writer.tap(f"d{device}") for device in range(FRAMES)])
    before = _cpu()
    writer.close({"verdict": "passed"})
    cost.cpu += 100 * (_cpu() - before) / seconds
    clock.close()
    return cost


async def _record_rows(path: Path, seconds: float) -> Cost:
    batches: queue.SimpleQueue[list[tuple[object, ...]] | None] = queue.SimpleQueue()
    rows: list[tuple[object, ...]] = []

    def write() -> None:
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("CREATE TABLE samples (signal, time_ns, value, quality)")
        while (batch := batches.get()) is not None:
            with database:
                database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", batch)
        database.close()

    def publish(sample: Sample) -> None:
        rows.append((sample.signal, sample.time_ns, sample.value, sample.quality))
        if len(rows) == SIGNALS * RATE // 4:
            batches.put(rows.copy())
            rows.clear()

    thread = threading.Thread(target=write)
    thread.start()
    cost = await _drive(seconds, publish, [])
    before = _cpu()
    batches.put(rows)
    batches.put(None)
    thread.join()
    cost.cpu += 100 * (_cpu() - before) / seconds
    return cost


def _lost(path: Path, cost: Cost) -> tuple[int, int]:
    """Return how many samples and frames are missing or changed, and the size of the file."""
    with SessionReader(path) as session:
        found = sum(newest.total for newest in session.newest().values())
        times, values, _ = session.series(SIGNALS - 1)
        assert list(values) == [step * 0.1 for step in range(len(times))]
        frames = sum(1 for frame in session.frames() if frame.data == FRAME)
    return cost.samples - found + cost.frames - frames, path.stat().st_size


def _failed(subscriber: object, error: Exception) -> None:
    raise error


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print_table(measure())
