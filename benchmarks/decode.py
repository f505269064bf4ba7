"""How much faster than real time a recording of the demo bench is decoded again and compared.

The recording is made on real wires. The peer only reads the frames from the file: the most that any
decoder could reach behind it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.session.decode import bench_of, decode_session
from testbed.session.file import SessionReader

from .table import Row, print_table

RIG = Path(__file__).parents[1] / "benches" / "thermal-rig.yaml"
TARGET = 300.0  # times real time
ROUNDS = 5


@dataclass(frozen=True)
class Taken:
    """What some work took, in seconds."""

    wall: float
    cpu: float


def measure(quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="testbed-") as name:
        path = Path(name) / "demo.session"
        _record(path, 10 if quick else 30)
        with SessionReader(path) as session:
            start_ns, end_ns = session.span()
            seconds = (end_ns - start_ns) / 1e9
            frames = sum(session.frame_counts().values())
            by = bench_of(session, Path(name), None, None)
            decoding = decode_session(session, by)  # whatever is loaded at first use is loaded now
            assert decoding.same
            samples = sum(device.compared for device in decoding.devices.values())
            ours = _best(lambda: decode_session(session, by))
            reading = _best(lambda: sum(1 for device in by.devices for _ in session.frames(device)))
        whole = _command(path)
    return [
        Row(
            f"{seconds:.0f} s of the demo bench decoded and compared: {frames:,} frames, {samples:,} samples",
            seconds / ours.wall,
            "x real time",
            "reading the frames alone",
            seconds / reading.wall,
            f"at least {TARGET:g}",
            seconds / ours.wall >= TARGET,
        ),
        Row("  of CPU", seconds / ours.cpu, "x real time", "the same", seconds / reading.cpu),
        Row("  testbed replay --decode from start to end: CPU", whole, "s"),
    ]


def _record(path: Path, seconds: int) -> None:
    command = ["run", str(RIG), "--emulate", "all", "--for", f"{seconds}s", "--session", str(path), "--json"]
    program = [sys.executable, "-m", "testbed", *command]
    subprocess.run(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _best(work: Callable[[], object]) -> Taken:
    """Return the shortest of several rounds: what is longer was lent to others on the machine."""
    rounds = [_once(work) for _ in range(ROUNDS)]
    return Taken(min(each.wall for each in rounds), min(each.cpu for each in rounds))


def _once(work: Callable[[], object]) -> Taken:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - cpu)


def _command(path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "testbed", "replay", str(path), "--decode", "--json"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
