"""How much faster than real time a bench runs in virtual time, beside a bare heap and looptime.

The peers carry no protocol: they only call back as often as the bench's clock did. The heap is the most
that any virtual clock could reach in Python, looptime what people use with asyncio today.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from testbed.bench import Bench, load_bench
from testbed.clock import VirtualClock
from testbed.session.run import Run, RunVerdict
from testbed.session.virtual import run_virtually

from .table import Row, print_table

ROOT = Path(__file__).parents[1]
DEMO_TARGET = 50.0  # times real time
HOUR_TARGET = 20.0  # s
LOOPTIME_CALLS = 3_000


def measure(quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        return [*_demo(Path(folder), 60 if quick else 600), *_hour(Path(folder), 360 if quick else 3600)]


def _demo(folder: Path, seconds: int) -> list[Row]:
    taken, calls = _run(load_bench(ROOT / "benches" / "thermal-rig.yaml", {}), folder, seconds)
    speed = seconds / taken
    share = calls / seconds
    heap = 1 / (share * _per_call(_heap, calls))
    peer = 1 / (share * _per_call(_looptime, LOOPTIME_CALLS))
    target = f"at least {DEMO_TARGET:g}"
    what = f"demo bench in virtual time, {share:,.0f} calls of the clock a second"
    return [
        Row(what, speed, "x real time", "bare heapq, as many calls", heap, target, speed >= DEMO_TARGET),
        Row("the same", speed, "x real time", "looptime, as many sleeps", peer),
    ]


def _hour(folder: Path, seconds: int) -> list[Row]:
    taken, calls = _run(_ten_devices(folder), folder, seconds)
    whole = taken * 3600 / seconds
    heap = _per_call(_heap, calls) * calls * 3600 / seconds
    return [
        Row(
            "10 devices of three kinds at 10 Hz, one hour in virtual time", whole, "s",
            "bare heapq, as many calls", heap, f"under {HOUR_TARGET:g}", whole < HOUR_TARGET,
        )
    ]  # fmt: skip


def _run(bench: Bench, folder: Path, seconds: int) -> tuple[float, int]:
    """Return (CPU seconds, calls of the clock) of a run in virtual time, recording on."""
    clocks: list[VirtualClock] = []

    def begun(run: Run, clock: VirtualClock) -> None:
        clocks.append(clock)

    path = folder / f"{bench.name}.session"
    began = time.process_time()
    verdict, failure = run_virtually(bench, path, seconds, seed=1, tell=lambda event: None, begun=begun)
    taken = time.process_time() - began
    assert not failure
    assert verdict is RunVerdict.PASSED
    return taken, clocks[0].calls


def _ten_devices(folder: Path) -> Bench:
    """Return a bench of ten devices, each with one signal asked for (or sent) ten times a second."""
    profiles = folder / "profiles"
    profiles.mkdir()
    (profiles / "meter.yaml").write_text(
        "profile: meter\nprotocol: modbus\nsignals:\n"
        "  level: {holding: 0, type: float32, unit: degC, rate: 10 Hz}\n"
    )
    (profiles / "board.yaml").write_text(
        "profile: board\nprotocol: cobs\ncrc: crc16-ccitt-false\nsignals:\n"
        "  level: {telemetry: 0x01, offset: 0, type: float32, unit: degC, access: notify, rate: 10 Hz}\n"
    )
    lines = ["bench: ten-devices", "devices:"]
    for index in range(4):
        lines.append(f"  m{index}: {{profile: profiles/meter.yaml, wire: 'modbus+tcp://10.0.0.{index + 1}'}}")
    for index in range(3):
        lines.append(f"  s{index}: {{profile: scpi/thermometer, wire: 'serial:///dev/ttyUSB{index}'}}")
        lines.append(f"  b{index}: {{profile: profiles/board.yaml, wire: 'serial:///dev/ttyACM{index}'}}")
    file = folder / "ten.yaml"
    file.write_text("\n".join(lines) + "\n")
    return load_bench(file, {})


def _per_call(peer: Callable[[int], None], calls: int) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    peer(calls)
    return (time.process_time() - began) / calls


def _heap(calls: int) -> None:
    heap: list[tuple[int, int, Callable[[], None]]] = []
    done = [0]

    def call() -> None:
        done[0] += 1

    for sequence in range(10):
        heapq.heappush(heap, (sequence, sequence, call))
    for sequence in range(10, calls + 10):
        now, _, callback = heapq.heappop(heap)
        callback()
        heapq.heappush(heap, (now + 10, sequence, call))


def _looptime(calls: int) -> None:
    sys.path.append(str(ROOT / "build" / "peers"))  # where `make bench` puts it
    import looptime

    async def sleep() -> None:
        for _ in range(calls):
            await asyncio.sleep(0.01)

    loop = looptime.make_event_loop_class(asyncio.SelectorEventLoop)(start=0)
    try:
        loop.run_until_complete(sleep())
    finally:
        loop.close()


if __name__ == "__main__":
    print_table(measure())
