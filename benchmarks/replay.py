"""How fast the demo bench replays in virtual time, and whether replaying twice ever differs.

The recording is of real wires: its emulators run in a process of their own, as on any bench.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testbed.session.file import SessionReader
from testbed.session.file.digest import stream_digest
from testbed.session.recorded import recorded_bench
from testbed.session.replay import SAME, judge_replay, replay_virtually

from .table import Row, print_table

ROOT = Path(__file__).parents[1]
TARGET = 50.0  # times real time
ROUNDS = 100


def measure(quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="testbed-") as name:
        folder = Path(name)
        long, short = _record(folder, 10 if quick else 40), _record(folder, 4)
        return [_speed(long, folder), _digests(short, folder, 10 if quick else ROUNDS)]


def _record(folder: Path, seconds: int) -> Path:
    path = folder / f"{seconds}.session"
    bench = ROOT / "benches" / "thermal-rig.yaml"
    subprocess.run(
        [sys.executable, "-m", "testbed", "run", bench, "--emulate", "all", "--for", f"{seconds}s",
         "--session", path, "--json"],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def _speed(recording: Path, folder: Path) -> Row:
    with SessionReader(recording) as session:
        bench = recorded_bench(session, folder / "recorded")
        began = time.process_time()
        replay = replay_virtually(session, bench, folder / "speed.session")
        taken = time.process_time() - began
        start_ns, end_ns = session.span()
        with SessionReader(replay.path) as replayed:
            assert judge_replay(session, replayed, replay).verdict == SAME
    speed = (end_ns - start_ns) / 1e9 / taken
    what = "demo bench recorded on real wires, replayed in virtual time, every command the same"
    return Row(what, speed, "x real time", target=f"at least {TARGET:g}", ok=speed >= TARGET)


def _digests(recording: Path, folder: Path, rounds: int) -> Row:
    found: list[str] = []
    with SessionReader(recording) as session:
        bench = recorded_bench(session, folder / "again")
        for number in range(rounds):
            path = folder / f"again-{number}.session"
            replay_virtually(session, bench, path)
            with SessionReader(path) as replayed:
                found.append(stream_digest(replayed))
            path.unlink()
    equal = found.count(found[0])
    return Row(
        f"replays of one session with the same digest, of {rounds}",
        equal,
        "replays",
        target=f"{rounds}",
        ok=equal == rounds,
    )


if __name__ == "__main__":
    print_table(measure())
