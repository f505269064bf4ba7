"""Virtual time: it jumps, keeps the order in which things were asked for, and refuses what would break it."""

import _thread as _thread_module
import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.clock import NS, Lane, VirtualClock, VirtualTimeError, run_virtual

Main = Callable[[VirtualClock], Coroutine[Any, Any, Any]]


def test_an_hour_of_sleep_takes_no_time() -> None:
    async def main(clock: VirtualClock) -> int:
        start_ns = clock.now()
        await clock.sleep(3600)
        return clock.now() - start_ns

    began = time.monotonic()
    assert run_virtual(main) == 3600 * NS
    assert time.monotonic() - began < 60


def test_two_runs_begin_at_the_same_time() -> None:
    async def main(clock: VirtualClock) -> int:
        return clock.now()

    assert run_virtual(main) == run_virtual(main)
    assert run_virtual(main, start_ns=42) == 42


@given(st.lists(st.integers(0, 20), max_size=40))
def test_deadlines_fire_in_time_order_and_equal_ones_in_the_order_asked_for(delays: list[int]) -> None:
    async def main(clock: VirtualClock) -> list[tuple[int, int]]:
        fired: list[tuple[int, int]] = []
        start = clock.now()
        for index, delay in enumerate(delays):
            # Both kinds of timer, those of the clock and those of asyncio, stand in one order.
            if index % 2:
                clock.at(start + delay * NS, lambda i=index, d=delay: fired.append((d, i)))
            else:
                asyncio.get_running_loop().call_later(delay, lambda i=index, d=delay: fired.append((d, i)))
        await clock.sleep(21)
        return fired

    assert run_virtual(main) == sorted((delay, index) for index, delay in enumerate(delays))


def test_what_follows_from_a_deadline_happens_before_time_goes_on() -> None:
    async def main(clock: VirtualClock) -> list[str]:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        clock.at(clock.now() + 1, lambda: loop.call_soon(lambda: told.append("consequence")))
        clock.at(clock.now() + 2, lambda: told.append("the next"))
        await clock.sleep(1)
        return told

    assert run_virtual(main) == ["consequence", "the next"]


def test_tickers_never_skip_however_much_there_is_to_do() -> None:
    async def main(clock: VirtualClock) -> tuple[int, int]:
        count = [0]

        def tick() -> None:
            count[0] += 1
            sum(range(1000))

        ticker = clock.every(NS // 1000, tick)
        await clock.sleep(10)
        return count[0], ticker.skipped

    assert run_virtual(main) == (10_000, 0)


def test_timeouts_of_asyncio_follow_virtual_time() -> None:
    async def main(clock: VirtualClock) -> float:
        start = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await asyncio.get_running_loop().create_future()
        return asyncio.get_running_loop().time() - start

    assert run_virtual(main) == pytest.approx(100)


async def _thread(clock: VirtualClock) -> None:
    await asyncio.to_thread(sum, (1, 2))


async def _bare_thread(clock: VirtualClock) -> None:
    threading.Thread(target=print, name="poller").start()


async def _process(clock: VirtualClock) -> None:
    subprocess.run(["ls", "/"], check=True)  # noqa: ASYNC221  (what is refused)


async def _own_process(clock: VirtualClock) -> None:
    await asyncio.create_subprocess_exec("ls", "/")


async def _fork(clock: VirtualClock) -> None:
    if os.fork() == 0:
        os._exit(0)


async def _descriptor(clock: VirtualClock) -> None:
    near, far = socket.socketpair()
    with near, far:
        asyncio.get_running_loop().add_reader(near.fileno(), print)


async def _connection(clock: VirtualClock) -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", 9))


async def _loops_connection(clock: VirtualClock) -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def _packet(clock: VirtualClock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("127.0.0.1", 9))


async def _low_thread(clock: VirtualClock) -> None:
    _thread_module.start_new_thread(print, ())


async def _multiprocessing(clock: VirtualClock) -> None:
    multiprocessing.get_context("spawn").Process(target=print).start()


@pytest.mark.parametrize(
    ("main", "named"),
    [
        (_loops_connection, r"127\.0\.0\.1"),
        (_packet, r"packet .*127\.0\.0\.1"),
        (_low_thread, "running print"),
        (_multiprocessing, "process .*running print"),
        (_thread, "sum"),
        (_bare_thread, "poller, running print"),
        (_process, r"\(ls\)"),
        (_own_process, "the process ls"),
        (_fork, "fork"),
        (_descriptor, "a descriptor read by print"),
        (_connection, r"127\.0\.0\.1"),
    ],
)
def test_what_would_bring_in_real_time_is_refused_by_name(main: Main, named: str) -> None:
    with pytest.raises(VirtualTimeError, match=named) as refused:
        run_virtual(main)
    assert "without --virtual" in refused.value.next_step
    assert refused.value.exit_code == 2


def test_afterwards_threads_and_processes_are_allowed_again() -> None:
    async def main(clock: VirtualClock) -> None:
        await clock.sleep(1)

    run_virtual(main)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert subprocess.run(["true"], check=False).returncode == 0


def test_another_thread_cannot_call_in() -> None:
    heard: list[BaseException] = []
    go = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def call() -> None:
        go.wait(10)
        try:
            loops[0].call_soon_threadsafe(print)
        except VirtualTimeError as error:
            heard.append(error)

    thread = threading.Thread(target=call)
    thread.start()  # before virtual time begins, as a library that was there before might

    async def main(clock: VirtualClock) -> None:
        loops.append(asyncio.get_running_loop())
        go.set()
        thread.join(10)

    run_virtual(main)
    assert "print from another thread" in str(heard[0])


def test_when_nothing_can_come_any_more_it_says_so_instead_of_hanging() -> None:
    async def main(clock: VirtualClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(VirtualTimeError, match="every task waits"):
        run_virtual(main)


def test_a_signal_reaches_its_handler() -> None:
    async def main(clock: VirtualClock) -> list[str]:
        told: list[str] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.append, "heard")
        os.kill(os.getpid(), signal.SIGUSR1)
        await clock.sleep(1)
        return told

    before = signal.getsignal(signal.SIGUSR1)
    assert run_virtual(main) == ["heard"]
    assert signal.getsignal(signal.SIGUSR1) is before


@given(st.lists(st.integers(0, 30), unique=True, max_size=8))
def test_what_is_due_while_a_recording_was_held_up_comes_at_the_end_of_it_in_order(
    seconds: list[int],
) -> None:
    async def main(clock: VirtualClock) -> list[tuple[int, int]]:
        fired: list[tuple[int, int]] = []
        for due in seconds:
            clock.at(due * NS, lambda due=due: fired.append((due, clock.now() // NS)))
        await clock.sleep(40)
        return fired

    held = [(5 * NS, 8 * NS), (20 * NS, 21 * NS)]
    came = {5: 8, 6: 8, 7: 8, 20: 21}
    assert run_virtual(main, 0, held) == [(due, came.get(due, due)) for due in sorted(seconds)]


def test_the_phases_of_a_lane_do_not_depend_on_what_others_asked_for() -> None:
    async def main(clock: VirtualClock) -> list[int]:
        lane = Lane(clock, 1, 3)
        return [lane.every(NS, lambda: None).due_ns - clock.now() for _ in range(3)]

    async def busy(clock: VirtualClock) -> list[int]:
        for _ in range(5):
            clock.every(NS, lambda: None)
            Lane(clock, 0, 3).every(NS, lambda: None)
        return await main(clock)

    assert run_virtual(main) == run_virtual(busy)
    assert len(set(run_virtual(main))) == 3


def test_a_tick_comes_before_a_time_limit_that_an_earlier_tick_set_for_the_same_instant() -> None:
    async def main(clock: VirtualClock) -> list[str]:
        order: list[str] = []
        loop = asyncio.get_running_loop()

        def tick() -> None:
            order.append("tick")
            if len(order) == 1:
                clock.at(clock.now() + 5 * NS, lambda: order.append("limit"))
                loop.call_later(5, order.append, "asyncio's limit")

        clock.every(NS, tick)
        await clock.sleep(7.5)
        return order

    assert run_virtual(main) == [*["tick"] * 6, "limit", "asyncio's limit", "tick"]
