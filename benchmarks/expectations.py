"""What 200 expectations cost over 1,000 samples a second, and our pytest plugin a run without a bench."""

from __future__ import annotations

import asyncio
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from testbed.session.checks import Changes, ChangesSlowly, Check, IsStable, Settles, Stays
from testbed.signals import Hub, Sample, Signal, Stage
from testbed.testing.scene import Scene
from testbed.testing.watching import Watch
from testbed.twin import Mirror

from .table import Row, print_table

SIGNALS, EXPECTATIONS, RATE = 20, 200, 1000
NS = 1_000_000_000

FAMILIES: tuple[Callable[[Signal, int], Check], ...] = (
    lambda signal, long: Stays("", signal, -1e9, 1e9, long),
    lambda signal, long: Settles("", signal, 5.0, 6.0, long, NS),  # in and out of its band all the time
    lambda signal, long: ChangesSlowly("", signal, 1e9, NS, long, "V/s"),
    lambda signal, long: Changes("", signal, 1e9, long),
    lambda signal, long: IsStable("", signal, 1e9, NS, long),
)


class _Clock:
    """Session time that samples bring with them."""

    time_ns = NS

    def now(self) -> int:
        return self.time_ns

    def at(self, time_ns: int, callback: Callable[[], None]) -> Any:
        return SimpleNamespace(cancel=lambda: None)


def measure(quick: bool = False) -> list[Row]:
    seconds, runs = (10, 2) if quick else (60, 5)
    waiting = min(asyncio.run(_cost(seconds, _watch)) for _ in range(runs))
    polling = min(asyncio.run(_cost(seconds, _poll)) for _ in range(runs))
    added, without = _startup(3 if quick else 10)
    return [
        Row(
            "200 expectations over 1,000 samples/s: CPU of a core",
            100 * waiting, "%", "each asks the newest value 100 times a second", 100 * polling,
            "at most 10 %", waiting <= 0.10,
        ),
        Row(
            "the pytest plugin in a run without benches: CPU",
            1000 * added, "ms", "the same run without it", 1000 * without,
            "at most 50 ms", added <= 0.05,
        ),
    ]  # fmt: skip


async def _cost(seconds: int, follow: Callable[[Scene, _Clock, list[Signal]], Any]) -> float:
    """Return the CPU for a second of samples, less what handing them on takes by itself."""
    signals = [Signal(number, "rig", f"s{number}", "V") for number in range(SIGNALS)]
    spent = []
    for wanted in (True, False):
        clock, hub = _Clock(), Hub(SIGNALS, _failed)
        mirror = Mirror(signals, cast(Any, clock), hub.publish)
        hub.subscribe_all(Stage.TWIN, mirror.observe)
        parts = SimpleNamespace(hub=hub, mirror=mirror, commander=SimpleNamespace(watchers=[]))
        scene = Scene(
            cast(Any, None), cast(Any, clock), cast(Any, parts), "virtual", Path(), 0, lambda event: None, NS
        )
        each = follow(scene, clock, signals) if wanted else lambda: None
        samples = [
            Sample(number % SIGNALS, NS + number * NS // RATE, 5.0 + math.sin(number / 50))
            for number in range(seconds * RATE)
        ]
        began = time.process_time()
        for number, sample in enumerate(samples):
            clock.time_ns = sample.time_ns
            hub.publish(sample)
            if number % (RATE // 100) == 0:
                each()
        spent.append(time.process_time() - began)
    return (spent[0] - spent[1]) / seconds


def _watch(scene: Scene, clock: _Clock, signals: list[Signal]) -> Callable[[], None]:
    """Let 200 expectations wait, ten of five families on each signal."""
    watches = []
    for number in range(EXPECTATIONS):
        check = FAMILIES[number % len(FAMILIES)](signals[number % SIGNALS], 3600 * NS)
        watches.append(Watch(scene, check))
        watches[-1].begin()
    return lambda: None


def _poll(scene: Scene, clock: _Clock, signals: list[Signal]) -> Callable[[], None]:
    """Let 200 expectations do what loops with a sleep in them do: look at the newest value."""
    readings, worst = scene.parts.mirror.readings, [math.inf] * EXPECTATIONS

    def look() -> None:
        for number in range(EXPECTATIONS):
            value = readings[number % SIGNALS].good_value
            worst[number] = min(worst[number], 1e9 - value, value + 1e9)

    return look


def _failed(subscriber: object, error: Exception) -> None:
    raise error


def _startup(runs: int) -> tuple[float, float]:
    """Return (what the plugin adds, a pytest run without it), seconds of CPU: the least of several."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_one.py").write_text("def test_one(): pass\n")
        ours = ["-p", "testbed.testing.plugin", "-p", "testbed.testing.reporting"]
        spent: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * runs):
            wanted = number % 2 == 0
            spent[wanted].append(_cpu(folder, ours if wanted else []))
    return min(spent[True]) - min(spent[False]), min(spent[False])


def _cpu(folder: str, given: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *given]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=alone)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
