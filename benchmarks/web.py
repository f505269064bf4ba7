"""What the live page costs: an hour of samples opened, fifty signals followed and drawn, the first curve."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from hil_tests.support.hand_clock import HandClock
from testbed.clock import SystemClock
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Sample, Signal
from testbed.web.followed import Followed
from testbed.web.history import History

from .table import Row, print_table

RATE, POINTS = 1_000, 1_000
FOLLOWED, FOLLOWED_HZ, WINDOW_S = 50, 10, 60
COMMIT_S = 0.2
OPEN_MS, CPU_PERCENT, FIRST_S = 500, 10, 1.0


def measure(quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _open_an_hour(Path(folder), 300 if quick else 3600),
            _follow(Path(folder), 10 if quick else 60),
        ]
        if shutil.which("chromium"):
            rows.append(_first_curve(Path(folder), 2 if quick else 5))
            rows.append(_fifty_on_a_page(Path(folder), 8 if quick else 20))
        return rows


def _writer(path: Path, signals: int, clock: HandClock) -> SessionWriter:
    declared = [Signal(number, "dut", f"s{number}", "V") for number in range(signals)]
    made = SessionWriter(
        path, clock, declared, metadata={}, attachments={}, on_failure=print, thread=False, period_s=COMMIT_S
    )
    made.start()
    return made


# History --------------------------------------------------------------------------------------------


def _open_an_hour(folder: Path, seconds: int) -> Row:
    path, clock = folder / "hour.session", HandClock()
    writer = _writer(path, 1, clock)
    each = round(RATE * COMMIT_S)
    for commit in range(round(seconds / COMMIT_S)):
        start = clock.now()
        for number in range(each):
            value = math.sin(commit / 50) + (number * 7919 % 97) / 100
            writer.sample(Sample(0, start + number * 1_000_000, value))
        clock.move(COMMIT_S)
    writer.close({})

    def ours() -> object:
        with History(path) as history:
            start_ns, end_ns = history.span()
            return history.curve(0, start_ns, end_ns, POINTS)

    def all_samples() -> object:
        with SessionReader(path) as reader:
            times, values, _ = reader.series(0)
        buckets = np.array(values[: len(values) // 500 * 500]).reshape(500, -1)
        return buckets.min(1), buckets.max(1), times[0]

    return Row(
        f"page: {seconds / 60:g} min at 1,000 samples/s opened",
        _best_ms(ours, 5), "ms", "every sample read", _best_ms(all_samples, 2),
        f"at most {OPEN_MS}", _best_ms(ours, 3) <= OPEN_MS,
    )  # fmt: skip


def _best_ms(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken) * 1e3


# Following ------------------------------------------------------------------------------------------


def _follow(folder: Path, seconds: int) -> Row:
    """Return the CPU of reading and encoding what is new, beside sending each curve's whole window again."""
    path, clock = folder / "live.session", HandClock()
    writer = _writer(path, FOLLOWED, clock)
    clock.move(COMMIT_S)
    ours = whole = 0.0
    windows: list[list[tuple[float, float]]] = [[] for _ in range(FOLLOWED)]
    with Followed(path) as followed:
        for _ in range(round(seconds / COMMIT_S)):
            for at in range(round(FOLLOWED_HZ * COMMIT_S)):
                for signal in range(FOLLOWED):
                    sample = Sample(signal, clock.now() + at * 10**8, math.sin(clock.now() / 1e9 + signal))
                    writer.sample(sample)
                    windows[signal].append((sample.time_ns / 1e6, sample.value))
                    del windows[signal][: -FOLLOWED_HZ * WINDOW_S]
            clock.move(COMMIT_S)
            began = time.process_time()
            message = followed.update()
            msgspec.json.encode(message)
            ours += time.process_time() - began
            assert len(message["samples"]) == FOLLOWED
            began = time.process_time()
            msgspec.json.encode(windows)
            whole += time.process_time() - began
    writer.close({})
    percent = 100 * ours / seconds
    return Row(
        f"page: {FOLLOWED} signals at {FOLLOWED_HZ} Hz followed, CPU of a core",
        percent, "%", "whole windows encoded", 100 * whole / seconds,
        f"at most {CPU_PERCENT}", percent <= CPU_PERCENT,
    )  # fmt: skip


# In a browser ---------------------------------------------------------------------------------------

_DRAWN = """() => [...document.querySelectorAll(".charts canvas")].some((canvas) =>
    Number(canvas.closest(".charts").dataset.points) > 2)"""


def _first_curve(folder: Path, rounds: int) -> Row:
    """Return the time from asking for a page to a curve drawn on it, the browser and server running."""
    from hil_tests.web.browser import chromium
    from hil_tests.web.served import record, served

    sessions = folder / "sessions"
    sessions.mkdir()
    record(sessions / "a.session", 60)
    taken = []
    with served(sessions) as address, chromium() as browser, browser.new_context() as context:
        for _ in range(rounds + 1):
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{address}/s/a", wait_until="commit")
            page.wait_for_function(_DRAWN)
            taken.append(time.perf_counter() - began)
            page.close()
    middle = statistics.median(taken[1:])  # the first fills the browser's cache
    return Row(
        "page: opened to first curve", middle, "s", "", None, f"at most {FIRST_S:g}", middle <= FIRST_S
    )


def _fifty_on_a_page(folder: Path, seconds: int) -> Row:
    """Return how far the newest sample that a page knows lies behind, with fifty signals on it."""
    from hil_tests.web.browser import chromium
    from hil_tests.web.served import served

    sessions = folder / "fifty"
    sessions.mkdir()
    recorder = multiprocessing.get_context("spawn").Process(
        target=_record_in_real_time, args=(sessions / "a.session", seconds + 15)
    )
    recorder.start()
    with served(sessions) as address, chromium() as browser, browser.new_page() as page:
        while not (sessions / "a.session").exists():
            time.sleep(0.05)
        time.sleep(1)
        page.goto(f"{address}/s/a/curves")
        page.wait_for_function(_DRAWN)
        lags = page.evaluate(
            """(ms) => new Promise((done) => {
                const lags = [], began = Date.now();
                const look = () => {
                    const times = Object.values(testbed.known.newest).map((newest) => newest[0]);
                    lags.push(Date.now() - Math.max(...times));
                    Date.now() - began < ms ? requestAnimationFrame(look) : done(lags);
                };
                look();
            })""",
            seconds * 1000,
        )
    recorder.terminate()
    recorder.join()
    frames = len(lags) / seconds
    middle, late = statistics.median(lags) / 1e3, statistics.quantiles(lags, n=100)[98] / 1e3
    print(
        f"fifty on a page: {frames:.0f} frames/s, newest sample behind p50 {middle:.2f} s, p99 {late:.2f} s"
    )
    return Row(
        f"page: {FOLLOWED} signals at {FOLLOWED_HZ} Hz drawn, newest sample behind (p50)",
        middle, "s", "", None, f"at most {FIRST_S:g}", middle <= FIRST_S,
    )  # fmt: skip


def _record_in_real_time(path: Path, seconds: int) -> None:
    async def run() -> None:
        clock = SystemClock()
        declared = [Signal(number, f"device{number // 5}", f"s{number}", "V") for number in range(FOLLOWED)]
        writer = SessionWriter(path, clock, declared, metadata={}, attachments={}, on_failure=print)
        writer.start()
        for _ in range(seconds * FOLLOWED_HZ):
            now = clock.now()
            for signal in range(FOLLOWED):
                writer.sample(Sample(signal, now, math.sin(now / 1e9 + signal)))
            await clock.sleep(1 / FOLLOWED_HZ)
        writer.close({})

    asyncio.run(run())


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    print_table(measure())
