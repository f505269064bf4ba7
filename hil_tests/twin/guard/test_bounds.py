"""No command that breaks a bound reaches a wire, and every refusal says why."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.signals import Access, Command, Priority, Signal, Verdict
from testbed.twin.guard import Guard

SECOND = 1_000_000_000
HEATER = Signal(0, "chamber", "heater", "%", Access.WRITE, limits=(0, 100), slew=50.0, safe=0.0)
PROBE = Signal(1, "probe", "temperature", "degC")


def command(
    value: float, time_ns: int = 0, signal: int = 0, priority: Priority = Priority.COMMAND
) -> Command:
    return Command(signal, value, "test", time_ns, time_ns + SECOND, priority=priority)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (100.1, "chamber.heater: 100.1 is outside its limits 0 to 100 %"),
        (-0.1, "chamber.heater: -0.1 is outside its limits 0 to 100 %"),
        (math.nan, "chamber.heater: nan is no value"),
        (math.inf, "chamber.heater: inf is no value"),
    ],
)
def test_a_command_outside_its_limits_is_refused_with_the_reason(value, reason):
    wrong = command(value)
    assert not Guard([HEATER, PROBE]).judge(wrong, 0)
    assert (wrong.verdict, wrong.reason) == (Verdict.REFUSED, reason)


def test_a_signal_that_is_only_read_cannot_be_commanded():
    wrong = command(1.0, signal=1)
    assert not Guard([HEATER, PROBE]).judge(wrong, 0)
    assert wrong.reason == "probe.temperature cannot be written"


def test_a_command_past_its_deadline_is_refused():
    late = command(1.0)
    assert not Guard([HEATER]).judge(late, 3 * SECOND)
    assert "past its deadline" in late.reason


def test_a_step_faster_than_the_slew_is_refused_and_a_slower_one_allowed():
    guard = Guard([HEATER])
    assert guard.judge(command(10.0), 0)
    fast = command(20.0, SECOND // 10)
    assert not guard.judge(fast, SECOND // 10)
    assert fast.reason == "chamber.heater: a step of 10 % in 100 ms is faster than its slew of 50 %/s"
    assert guard.judge(command(15.0, SECOND // 10), SECOND // 10)


def test_a_safe_state_write_is_never_too_fast_nor_too_late():
    guard = Guard([HEATER])
    assert guard.judge(command(100.0), 0)
    assert guard.judge(command(0.0, priority=Priority.SAFE), 5 * SECOND)


@given(st.lists(st.tuples(st.floats(allow_nan=True), st.integers(0, SECOND)), max_size=60))
def test_whatever_is_asked_what_passes_keeps_the_bounds(asked):
    guard, now, last = Guard([HEATER]), 0, None
    for value, pause in asked:
        now += pause
        if guard.judge(command(value, now), now):
            assert 0 <= value <= 100
            if last is not None:
                assert abs(value - last[1]) <= 50.0 * (now - last[0]) / SECOND * 1.001 + 1e-6
            last = (now, value)
