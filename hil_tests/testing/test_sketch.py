"""The plot in a failure: what stood out is in it, however many samples there were."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from testbed.signals import Quality, Sample
from testbed.testing.sketch import Trail, sketch

SECOND = 1_000_000_000


def trail(values: list[float | None]) -> Trail:
    found = Trail()
    for number, value in enumerate(values):
        if value is None:
            found.add(Sample(0, number * SECOND, math.nan, Quality.BAD, "offline"))
        else:
            found.add(Sample(0, number * SECOND, value))
    return found


def test_a_rise_its_band_and_when_it_was_not_good() -> None:
    lines = sketch(trail([*range(40), None, None, 40]), 30, 35, 0, 42 * SECOND)
    assert lines[0].startswith("       42 |") or lines[0].strip().startswith("42")
    assert sum("." in line and "*" in line for line in lines[:8]) == 2, "both edges are drawn"
    assert "x" in lines[7]
    assert lines[-1].split() == ["0", "s", "42", "s"]
    assert all(len(line) <= 72 for line in lines)


def test_edges_that_are_far_away_do_not_flatten_the_curve() -> None:
    lines = sketch(trail([1, 2, 3]), None, 1000, 0, 2 * SECOND)
    assert not any("." in line.partition("|")[2] for line in lines[:8])


def test_nothing_is_drawn_when_there_is_nothing() -> None:
    assert sketch(trail([]), 0, 1, 0, 0) == []
    assert sketch(trail([None, None]), 0, 1, 0, SECOND) == []
    assert sketch(trail([1]), 0, 1, 0, 0) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=4000))
def test_the_lowest_and_the_highest_stay_and_any_values_can_be_drawn(values: list[float]) -> None:
    kept = trail(list(values))
    assert min(kept.values) == min(values)
    assert max(kept.values) == max(values)
    assert len(kept.times) <= 1024
    assert list(kept.times) == sorted(kept.times)
    assert len(sketch(kept, -1, 1, 0, len(values) * SECOND)) == 10
