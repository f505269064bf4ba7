"""Everything is taken at its own time, in whatever order it comes; what changes fast acts by its mean."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.twin.estimate import Followed, Free, Happened, Sensor, Tracker
from testbed.twin.models.thermal import ThermalModel

MS = 1_000_000
SENSORS = (Sensor(0, lag=0.5), Sensor(0, noise=0.02), Sensor(1))


def tracker(sensors: tuple[Sensor, ...] = SENSORS, free: tuple[Free, ...] = ()) -> Tracker:
    return Tracker(Followed(ThermalModel({}), sensors, free), (15.0, 1500.0, 0.0))


def happening(count: int, seed: int = 1) -> list[Happened]:
    """What sensors and an input say, each time another, 10 to 60 ms apart."""
    chance, time_ns, all_ = random.Random(seed), 0, []
    for _ in range(count):
        time_ns += chance.randint(10, 60) * MS
        if chance.random() < 0.2:
            all_.append(Happened(time_ns, False, 0, chance.uniform(0, 60)))
        else:
            all_.append(Happened(time_ns, True, chance.randrange(3), 40.0 + chance.gauss(0, 0.05)))
    return all_


@given(seed=st.integers(0, 1000), late=st.integers(1, 20))
def test_what_comes_late_counts_as_if_it_had_come_in_time(seed: int, late: int) -> None:
    in_order, mixed = tracker(), tracker()
    first = Happened(MS, True, 1, 40.0)
    happened = happening(40, seed)
    for each in (first, *happened):
        in_order.take(each)
    held_back = happened.pop(10)
    for each in (first, *happened[: 10 + late], held_back, *happened[10 + late :]):
        mixed.take(each)
    assert mixed.filter.state == pytest.approx(in_order.filter.state, rel=1e-9)
    assert mixed.filter.covariance == pytest.approx(in_order.filter.covariance, rel=1e-6)
    assert (mixed.time_ns, mixed.inputs) == (in_order.time_ns, in_order.inputs)


def test_what_comes_too_late_changes_nothing() -> None:
    followed = tracker()
    for each in [Happened(MS, True, 1, 40.0), *happening(200)]:
        followed.take(each)
    before = followed.moment()
    assert followed.take(Happened(2 * MS, True, 1, 90.0)) is None
    after = followed.moment()
    assert after[:5] == before[:5]
    assert np.array_equal(after.covariance, before.covariance)


def test_what_came_too_late_spoils_nothing_for_what_comes_a_little_late() -> None:
    in_order, mixed = tracker(), tracker()
    first, happened = Happened(MS, True, 1, 40.0), happening(200)
    for each in (first, *happened):
        in_order.take(each)
    held_back = happened.pop(190)
    for each in (first, *happened[:195], Happened(2 * MS, True, 1, 90.0), held_back, *happened[195:]):
        mixed.take(each)
    assert mixed.filter.state == pytest.approx(in_order.filter.state, rel=1e-9)


def test_an_input_that_changes_fast_acts_by_its_mean() -> None:
    even, fast = tracker(), tracker()
    for each in (even, fast):
        each.take(Happened(MS, True, 1, 40.0))
    even.take(Happened(MS, False, 0, 50.0))
    for number in range(100):
        fast.take(Happened((1 + 10 * number) * MS, False, 0, 20.0 if number % 2 else 80.0))
    assert fast.at(1000 * MS).state == pytest.approx(even.at(1000 * MS).state, abs=0.1)


def test_a_look_ahead_disturbs_nothing() -> None:
    followed = tracker()
    for each in [Happened(MS, True, 1, 40.0), *happening(50)]:
        followed.take(each)
    before = followed.moment()
    later = followed.at(followed.time_ns + 60_000 * MS)
    assert later.state != followed.filter.state
    assert followed.moment()[:5] == before[:5]


@pytest.mark.parametrize("name", ["heater_power", "ambient", "probe"])
def test_what_is_free_is_found(name: str) -> None:
    """A tenth less power, a warmer room, or a thermometer that reads too high."""
    differs = {"heater_power": {"heater_power": 450.0}, "ambient": {"ambient": 30.0}, "probe": {}}[name]
    truth = ThermalModel(differs)
    at = {"heater_power": 2, "ambient": 7, "probe": 1}[name]
    believed, spread = {"heater_power": (450.0, 150.0), "ambient": (30.0, 10.0), "probe": (0.5, 2.0)}[name]
    followed = tracker(free=(Free(name, name == "probe", at, spread),))
    state, chance = (40.0, 40.0), random.Random(3)
    duty = 15.0
    for step in range(1, 600):
        if step % 100 == 0:
            duty = chance.uniform(0, 60)
            followed.take(Happened(step * 100 * MS, False, 0, duty))
        for number, sensor in enumerate(SENSORS):
            bias = 0.5 if name == "probe" and number == 1 else 0.0
            value = state[sensor.output] + bias + chance.gauss(0, 0.02)
            if number:  # the lagging one stands aside
                followed.take(Happened(step * 100 * MS, True, number, value))
        state = truth.step(state, (duty, 1500.0, 0.0), 0.1)
    value, sigma = followed.free(name)
    assert abs(value - believed) < 4 * sigma
    assert sigma < spread / 10


def test_what_becomes_free_later_keeps_all_that_is_known() -> None:
    followed = tracker()
    for each in [Happened(MS, True, 1, 40.0), *happening(50)]:
        followed.take(each)
    freed = followed.freed(Free("heater_power", False, 2, 150.0))
    assert freed.filter.state == (*followed.filter.state, 500.0)
    assert freed.free("heater_power") == (500.0, pytest.approx(150.0))
    assert followed.followed.free == ()
