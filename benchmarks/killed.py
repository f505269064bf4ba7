"""What `kill -9` costs: how old the newest sample on disk is when a recording of 20,000 samples/s is killed.

A process records in real time and is killed at a random moment, 100 times in a row. Each file must hold
everything up to its last sample: none missing before it, none changed.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testbed.clock import NS, SystemClock
from testbed.links import Direction
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Sample, Signal

from .table import Row, print_table

SIGNALS = 20
RATE = 1000
"""Samples a second of each signal."""
PERIOD_NS = NS // RATE
ROUNDS = 100
TARGET_MS = 250.0
SHORTEST, LONGEST = 0.5, 2.0  # s that a recording lives


def measure(quick: bool = False) -> list[Row]:
    chance = random.Random(1)
    lost = sorted(lost_ms(chance.uniform(SHORTEST, LONGEST)) for _ in range(5 if quick else ROUNDS))
    title = f"{SIGNALS * RATE:,} samples/s, kill -9, {len(lost)} times: samples lost before it, most"
    return [
        Row(title, lost[-1], "ms", target=f"at most {TARGET_MS:g}", ok=lost[-1] <= TARGET_MS),
        Row("  p50", lost[len(lost) // 2], "ms"),
    ]


def lost_ms(seconds: float) -> float:
    """Kill a recording after `seconds`; return the age of its newest sample then, in ms.

    Fails when anything before that sample is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "killed.session")
        command = [sys.executable, "-m", "benchmarks.killed", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(seconds)
            now = time.time_ns()
            process.send_signal(signal.SIGKILL)
        return (now - _newest(path)) / 1e6


def _newest(path: Path) -> int:
    """Return the time of the newest sample, once it is sure that all before it are there."""
    with SessionReader(path) as session:
        counts = {newest.total for newest in session.newest().values()}
        assert len(counts) == 1  # a commit holds a sample of each signal for every step, or none
        for number in range(SIGNALS):
            times, values, _ = session.series(number)
            assert list(values) == [float(step) for step in range(len(values))]
        assert [frame.data for frame in session.frames()] == [b"%d" % step for step in range(len(values))]
        return times[-1]


async def _record(path: Path) -> None:
    """Record until we are killed."""
    clock = SystemClock()
    signals = [Signal(number, "d", f"s{number}") for number in range(SIGNALS)]
    writer = SessionWriter(path, clock, signals, metadata={}, attachments={}, on_failure=sys.exit)
    writer.start()
    tap, step, start = writer.tap("d"), 0, clock.now()

    def tick() -> None:
        nonlocal step
        now = clock.now()
        while start + step * PERIOD_NS <= now:  # what was slept through is made up for
            for number in range(SIGNALS):
                writer.sample(Sample(number, now, float(step)))
            tap(now, Direction.RX, b"%d" % step)
            step += 1

    clock.every(PERIOD_NS, tick)
    print("recording", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_record(Path(sys.argv[1])))
    else:
        print_table(measure())
