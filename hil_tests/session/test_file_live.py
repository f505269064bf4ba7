"""A session file while it is written: read by others, killed, on a disk that fills up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.killed import lost_ms
from testbed.clock import NS
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Event, Level, Sample

from ..support import eventually
from .recording import record

_COUNT = """
import sys
from pathlib import Path
from testbed.session.file import SessionReader
with SessionReader(Path(sys.argv[1])) as session:
    print(sum(1 for _ in session.samples()), sum(1 for _ in session.frames()), session.verdict())
"""

_RECORD_FOR_EVER = """
import asyncio, sys, time
from pathlib import Path
from hil_tests.session.recording import record
from testbed.links import Direction
from testbed.signals import Sample

async def main():
    async with record(Path(sys.argv[1])) as writer:
        tap, number = writer.tap("probe"), 0
        while True:
            now = time.time_ns()
            writer.sample(Sample(0, now, float(number)))
            tap(now, Direction.RX, number.to_bytes(4, "big"))
            number += 1
            if number % 1000 == 0:
                print(number, flush=True)
            await asyncio.sleep(0.001)

asyncio.run(main())
"""


async def python(script: str, *arguments: str) -> str:
    """Run a script in a process of its own and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


async def test_another_process_reads_it_while_it_is_written(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        tap = writer.tap("probe")
        for part in (1, 2):
            for number in range(1000):
                writer.sample(Sample(number % 3, part * NS + number, float(number)))
                tap(part * NS + number, Direction.TX, b"READ?\n")
            with SessionReader(path) as session:
                await eventually(lambda n=part * 1000: session.frame_counts() == {"probe": n}, "committed")
            assert await python(_COUNT, str(path)) == f"{part * 1000} {part * 1000} unfinished"
    assert await python(_COUNT, str(path)) == "2000 2000 passed"


async def test_a_reader_that_stays_neither_stops_the_recording_nor_its_end(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        with SessionReader(path) as early:
            writer.sample(Sample(0, NS, 1.0))
            await eventually(lambda: list(early.samples()), "the first sample committed")
            reading = early.chunks()
            next(reading)
            writer.sample(Sample(0, 2 * NS, 2.0))
            writer.close({"verdict": "passed"})
            reading.close()
            assert [sample.value for sample in early.samples()] == [1.0, 2.0]
            assert early.verdict() == "passed"


async def test_a_forwarder_reads_on_from_the_last_chunk_that_it_saw(tmp_path):
    path, seen, got = tmp_path / "a.session", 0, []
    async with record(path) as writer:
        with SessionReader(path) as session:
            for number in range(3):
                writer.sample(Sample(0, number * NS, float(number)))
                await eventually(lambda: list(session.chunks(after=seen)), "the next chunk")  # noqa: B023
                for chunk in session.chunks(after=seen):
                    seen = chunk.id
                    got += chunk.values
                    assert chunk.last() == Sample(0, number * NS, float(number))
    assert got == [0.0, 1.0, 2.0]


async def test_the_newest_cycles_are_read_on_in_the_same_way(tmp_path):
    path, seen, got = tmp_path / "a.session", 0, []
    async with record(path) as writer:
        log = writer.cycles("hold")
        with SessionReader(path) as session:
            for started_ns in range(3):
                log.add(started_ns, 1, 2, 3, 4, 0)
                await eventually(lambda: list(session.cycle_chunks(after=seen)), "the next cycles")  # noqa: B023
                for number, loop, cycles in session.cycle_chunks(after=seen):
                    seen = number
                    got += [(loop, cycle.time_ns) for cycle in cycles]
    assert got == [("hold", 0), ("hold", 1), ("hold", 2)]


@pytest.mark.parametrize("seconds", [0.2, 0.45, 0.9])
def test_a_recording_of_20000_samples_a_second_is_whole_up_to_its_last_moments_whenever_it_is_killed(seconds):
    # 250 ms is the bound on an idle machine (benchmarks/killed.py); this one may be busy for seconds.
    assert lost_ms(seconds) < 3000


def test_a_killed_recording_loses_no_more_than_its_last_moments(tmp_path):
    path = tmp_path / "a.session"
    process = subprocess.Popen(
        [sys.executable, "-c", _RECORD_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(2):
        assert process.stdout.readline()
    killed_ns = time.time_ns()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with SessionReader(path) as session:
        values = [sample.value for sample in session.samples()]
        frames = [int.from_bytes(frame.data, "big") for frame in session.frames()]
        last_ns = session.newest()[0].sample.time_ns
        assert session.verdict() == "unfinished"
        assert session.span()[1] == last_ns
    assert values == list(range(len(values)))  # whole up to the end, no hole
    assert frames == list(range(len(values)))
    # 250 ms is the bound on an idle machine; this one may be busy for seconds.
    assert killed_ns - last_ns < 3 * NS


# A disk that is full --------------------------------------------------------------------------


@contextlib.contextmanager
def file_size_limit(folder: Path, size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """`folder` is a disk of its own of `size` bytes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _may_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


Limit = Callable[[Path, int], contextlib.AbstractContextManager[None]]
LIMITS: list[Limit] = [file_size_limit, *([small_disk] if _may_mount() else [])]


async def fill(writer: SessionWriter, path: Path) -> int:
    """Record until recording stops; returns how many samples were known to be committed before."""
    tap, number, committed = writer.tap("probe"), 0, 0
    with SessionReader(path) as session:
        while writer.recording:
            for _ in range(500):
                writer.sample(Sample(0, number, float(number)))
                tap(number, Direction.RX, bytes(64))
                number += 1
            await asyncio.sleep(0.02)
            if writer.recording:
                committed = session.frame_counts().get("probe", 0)
    return committed


@pytest.mark.parametrize("limit", LIMITS)
async def test_when_the_disk_is_full_recording_stops_is_told_once_and_keeps_what_it_had(tmp_path, limit):
    path = tmp_path / "disk" / "a.session"
    path.parent.mkdir()
    told: list[str] = []
    with limit(path.parent, 1_500_000):
        async with record(path, on_failure=told.append) as writer:
            committed = await fill(writer, path)
            assert len(told) == 1
            assert str(path) in told[0]
            assert "all that was recorded before is kept" in told[0]
            if limit is small_disk:
                assert "the disk is full" in told[0]
            # The run goes on: what it records now goes nowhere, quickly and without an error.
            writer.sample(Sample(0, 0, 1.0))
            writer.event(Event(0, Level.INFO, "probe", "online", ""))
            writer.tap("probe")(0, Direction.RX, b"x")
            await asyncio.sleep(0.3)
        assert len(told) == 1
        with SessionReader(path) as session:
            kept = [sample.value for sample in session.samples()]
            frames = sum(1 for _ in session.frames())
        assert committed > 0
        assert len(kept) >= committed
        assert kept == list(range(len(kept)))
        assert frames == len(kept)


async def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path):
    path = tmp_path / "a.session"
    with file_size_limit(tmp_path, 10_000), pytest.raises(UsageError, match="cannot record to"):
        async with record(path):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_a_database_locked_by_another_program_delays_the_recording_and_loses_nothing(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(5):
            writer.sample(Sample(0, number, float(number)))
            await asyncio.sleep(0.1)
        other.execute("ROLLBACK")
        other.close()
    with SessionReader(path) as session:
        assert [sample.value for sample in session.samples()] == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_a_disk_that_takes_nothing_for_too_long_ends_the_recording(tmp_path):
    path = tmp_path / "a.session"
    told: list[str] = []
    async with record(path, on_failure=told.append) as writer:
        writer.stall_limit = 0.3
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await eventually(lambda: told, "the stall told")
        assert not writer.recording
        assert "no commit within 0.3 s" in told[0]
        other.execute("ROLLBACK")
        other.close()
        writer.stall_limit = 60.0
    with SessionReader(path) as session:
        assert session.meta()["recording_failure"] == told[0]
        assert session.verdict() == "passed"
