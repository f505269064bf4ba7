"""How long what wears will last is told with an interval that holds, and not at all without a trend."""

from __future__ import annotations

import math

import numpy as np
import pytest

from testbed.twin.update import remaining, thinned

DAY = 86_400.0


def test_a_line_without_noise_reaches_its_limit_when_it_does() -> None:
    left = remaining([0.0, DAY, 2 * DAY, 3 * DAY], [1.0, 1.1, 1.2, 1.3], 2.0)
    assert left is not None
    assert left.seconds == pytest.approx(7 * DAY)
    assert left.low == pytest.approx(left.high) == pytest.approx(7 * DAY)
    falling = remaining([0.0, DAY, 2 * DAY, 3 * DAY], [500.0, 490.0, 480.0, 470.0], 350.0)
    assert falling is not None
    assert falling.seconds == pytest.approx(12 * DAY)


def test_the_interval_holds_the_truth_in_95_of_100_cases() -> None:
    random, times, held, told = np.random.default_rng(4), np.arange(30) * DAY, 0, 0
    truth = (2.0 - (1.0 + 29 * 0.01)) / 0.01 * DAY
    for _ in range(400):
        values = 1.0 + 0.01 * times / DAY + random.normal(0, 0.01, len(times))
        left = remaining(times.tolist(), values.tolist(), 2.0)
        if left is not None:
            told += 1
            held += left.low <= truth <= left.high
    assert told > 390
    assert 0.92 <= held / told <= 0.98


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ([1.0, 1.1, 1.2], 2.0),  # too few
        ([1.0, 1.0, 1.0, 1.0, 1.0], 2.0),  # it does not wear
        ([1.3, 1.2, 1.1, 1.0, 0.9], 2.0),  # it goes the other way
        ([1.0, 1.2, 0.9, 1.1, 1.0], 2.0),  # nothing but noise
    ],
)
def test_without_a_trend_nothing_is_told(values: list[float], limit: float) -> None:
    assert remaining([DAY * n for n in range(len(values))], values, limit) is None


def test_points_that_come_at_one_time_are_no_trend() -> None:
    assert remaining([1.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 9.0) is None


def test_many_points_are_thinned_to_means_on_the_same_line() -> None:
    times, values = thinned([float(n) for n in range(1000)], [2.0 * n for n in range(1000)])
    assert len(times) == 20
    assert values == pytest.approx([2 * time for time in times])
    assert thinned([1.0, 2.0], [3.0, 4.0]) == ([1.0, 2.0], [3.0, 4.0])
    assert math.isclose(sum(times) / 20, 499.5)
