"""Airtime against the numbers of Semtech's calculator, and what the law makes of it."""

import pytest

from testbed.protocols.lorawan.airtime import (
    EU868_CHANNELS,
    EU868_DUTY,
    FRAME_OVERHEAD,
    AirBudget,
    airtime,
    lawful_interval,
)

HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("spreading_factor", "milliseconds"),
    [(7, 41.216), (8, 72.192), (9, 144.384), (10, 288.768), (11, 577.536), (12, 991.232)],
)
def test_ten_bytes_take_what_an1200_13_says(spreading_factor: int, milliseconds: float) -> None:
    assert airtime(10, spreading_factor) * 1e3 == pytest.approx(milliseconds, abs=1e-6)


@pytest.mark.parametrize(
    ("spreading_factor", "milliseconds", "interval"), [(7, 61.7, 6.2), (10, 412, 41), (12, 1483, 148)]
)
def test_a_frame_of_25_bytes_at_one_percent(
    spreading_factor: int, milliseconds: float, interval: float
) -> None:
    assert airtime(25, spreading_factor) * 1e3 == pytest.approx(milliseconds, rel=0.002)
    assert lawful_interval(25 - FRAME_OVERHEAD, spreading_factor, 0.01) == pytest.approx(interval, rel=0.01)


def test_a_frame_without_crc_is_no_longer_than_one_with() -> None:
    assert all(airtime(size, 9, crc=False) <= airtime(size, 9) for size in range(1, 255))
    assert airtime(10, 7, crc=False) < airtime(10, 7)


def test_the_duty_of_the_channel_plan_keeps_each_band_within_one_percent() -> None:
    in_l = sum(frequency < 868_000_000 for frequency in EU868_CHANNELS) / len(EU868_CHANNELS)
    assert EU868_DUTY * in_l == pytest.approx(0.01)
    assert EU868_DUTY * (1 - in_l) < 0.01


def test_a_budget_is_spent_within_an_hour_and_comes_back_after_it() -> None:
    budget = AirBudget(1.0)
    assert budget.take(0, 0.6)
    assert budget.take(HOUR // 2, 0.4)
    assert not budget.take(HOUR // 2, 0.1)
    assert not budget.take(HOUR - 1, 0.1)
    assert budget.take(HOUR, 0.6)
    assert not budget.take(HOUR, 0.1)
