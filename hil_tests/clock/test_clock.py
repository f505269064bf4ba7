"""Session time rises, deadlines keep their order, missed ticks are skipped and counted."""

import asyncio
import itertools
import time

import pytest

from hil_tests.support import eventually
from testbed.clock import NS, Lane, Seeds, SystemClock
from testbed.clock.alarm import LoopAlarm, TimerfdAlarm

MS = 1_000_000


async def test_session_time_is_utc_and_never_goes_back():
    clock = SystemClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
    assert abs(times[0] - time.time_ns()) < 1_000 * MS
    clock.close()


async def test_deadlines_fire_in_time_order_and_equal_ones_in_the_order_asked_for():
    clock = SystemClock()
    fired: list[str] = []
    soon = clock.now() + 5 * MS
    clock.at(soon + 1, lambda: fired.append("later"))
    for name in "abcdefgh":
        clock.at(soon, lambda n=name: fired.append(n))
    await eventually(lambda: len(fired) == 9, "all deadlines")
    assert fired == [*"abcdefgh", "later"]
    clock.close()


async def test_a_deadline_never_fires_early():
    clock = SystemClock()
    due = clock.now() + 10 * MS
    fired: list[int] = []
    clock.at(due, lambda: fired.append(clock.now()))
    await eventually(lambda: fired, "the deadline")
    assert fired[0] >= due
    clock.close()


async def test_a_cancelled_deadline_never_fires():
    clock = SystemClock()
    fired: list[str] = []
    timer = clock.at(clock.now() + 2 * MS, lambda: fired.append("cancelled"))
    clock.at(clock.now() + 4 * MS, lambda: fired.append("kept"))
    timer.cancel()
    await eventually(lambda: fired, "the other deadline")
    assert fired == ["kept"]
    clock.close()


async def test_a_deadline_asked_for_inside_a_deadline_fires_too():
    clock = SystemClock()
    fired: list[str] = []

    def first() -> None:
        fired.append("first")
        clock.at(clock.now() + MS, lambda: fired.append("second"))

    clock.at(clock.now() + MS, first)
    await eventually(lambda: len(fired) == 2, "the second deadline")
    clock.close()


async def test_a_failing_deadline_is_reported_and_stops_no_other():
    clock = SystemClock()
    reported: list[str] = []
    fired: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))

    def broken() -> None:
        raise RuntimeError("broken deadline")

    soon = clock.now() + MS
    clock.at(soon, broken)
    clock.at(soon, lambda: fired.append("next"))
    await eventually(lambda: fired, "the next deadline")
    assert reported == ["broken deadline"]
    clock.close()


async def test_a_ticker_keeps_its_grid_and_skips_what_it_missed():
    clock = SystemClock()
    dues: list[int] = []

    def tick() -> None:
        dues.append(ticker.due_ns)
        if len(dues) == 2:
            time.sleep(0.055)  # hold up the loop for more than five periods

    ticker = clock.every(10 * MS, tick, phase_ns=0)
    await eventually(lambda: len(dues) >= 5, "five ticks")
    ticker.cancel()
    assert all((due - dues[0]) % (10 * MS) == 0 for due in dues)
    assert ticker.skipped >= 4
    steps = [later - earlier for earlier, later in itertools.pairwise(dues)]
    assert max(steps) >= 50 * MS  # the missed ticks were not made up in a burst
    clock.close()


async def test_a_cancelled_ticker_ticks_no_more():
    clock = SystemClock()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        ticker.cancel()

    ticker = clock.every(MS, tick, phase_ns=0)
    done: list[int] = []
    clock.at(clock.now() + 20 * MS, lambda: done.append(1))
    await eventually(lambda: done, "20 ms")
    assert ticks == [1]
    clock.close()


async def test_tickers_are_spread_over_their_period():
    clock = SystemClock()
    tickers = [clock.every(1_000 * MS, lambda: None) for _ in range(10)]
    phases = sorted(ticker.due_ns - clock.now() for ticker in tickers)
    gaps = [later - earlier for earlier, later in itertools.pairwise(phases)]
    assert min(gaps) > 30 * MS
    clock.close()


async def test_a_period_must_be_positive():
    clock = SystemClock()
    with pytest.raises(ValueError, match="must be positive"):
        clock.every(0, lambda: None)
    clock.close()


@pytest.mark.parametrize("kind", [TimerfdAlarm, LoopAlarm])
async def test_an_alarm_armed_anew_fires_once_at_the_new_time(kind):
    fired: list[int] = []
    alarm = kind(asyncio.get_running_loop(), lambda: fired.append(time.monotonic_ns()))
    alarm.arm(time.monotonic_ns() + 500 * MS)
    due = time.monotonic_ns() + 5 * MS
    alarm.arm(due)
    await eventually(lambda: fired, "the alarm")
    assert fired[0] >= due
    assert len(fired) == 1
    alarm.close()


def test_the_same_seed_and_name_give_the_same_numbers():
    first = [Seeds(7).stream("noise").random() for _ in range(3)]
    assert first == [Seeds(7).stream("noise").random() for _ in range(3)]
    assert Seeds(7).stream("noise").random() != Seeds(7).stream("other").random()
    assert Seeds(7).stream("noise").random() != Seeds(8).stream("noise").random()


async def test_what_was_skipped_is_counted_until_it_is_taken():
    clock = SystemClock()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            time.sleep(0.055)

    ticker = clock.every(10 * MS, tick, phase_ns=0)
    await eventually(lambda: len(ticks) >= 2, "two ticks")
    count, longest_ns = clock.take_skipped()
    assert count == ticker.skipped >= 4
    assert longest_ns >= 40 * MS
    ticker.cancel()
    assert clock.take_skipped() == (0, 0)
    clock.close()


async def test_what_a_lane_tells_of_a_ticker_is_to_the_nanosecond_when_it_ticks():
    clock, told = SystemClock(), []

    def begin(ticker: int, due_ns: int) -> int:
        told.append(due_ns)
        return due_ns

    lane = Lane(clock, 0, 1, begin)
    tickers = [lane.every(NS, lambda: None) for _ in range(100)]
    assert [ticker.due_ns for ticker in tickers] == told
    clock.close()
