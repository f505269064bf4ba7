"""A recording plays its samples over time, holds each until the next, and is driven by nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.plants import Column, Recording, plant_class

COLUMNS = {"air": Column([0.0, 1.0, 3.0], [20.0, 21.0, 23.0]), "door": Column([2.0], [1.0])}


def played(times: list[float], **parameters: float) -> list[float]:
    """Return the air after each of these steps in seconds."""
    plant = Recording(parameters, COLUMNS)
    values = []
    for seconds in times:
        plant.step(seconds)
        values.append(plant.output("air"))
    return values


def test_it_is_a_plant_with_the_outputs_of_its_columns():
    assert plant_class("recording") is Recording
    assert Recording({}, COLUMNS).OUTPUTS == ("air", "door")
    assert Recording.INPUTS == ()


def test_each_sample_holds_until_the_next_one():
    assert played([0, 0.9, 0.1, 1.9, 0.1, 5]) == [20.0, 20.0, 21.0, 21.0, 23.0, 23.0]


def test_before_its_first_sample_an_output_has_its_value():
    assert Recording({}, COLUMNS).output("door") == 1.0


def test_it_starts_where_it_is_told_and_runs_as_fast():
    assert played([0, 1], start=1) == [21.0, 21.0]
    assert played([0.5, 1], speed=2) == [21.0, 23.0]


def test_it_repeats_on_demand():
    assert played([2.9, 0.2, 1, 5], repeat=1) == [21.0, 20.0, 21.0, 20.0]
    assert Recording({"repeat": 1}, {"a": Column([0.0], [7.0])}).output("a") == 7.0


@given(st.lists(st.floats(0, 10), max_size=30))
def test_cutting_time_into_other_steps_changes_nothing(steps):
    whole = Recording({}, COLUMNS)
    whole.step(math.fsum(steps))
    many = Recording({}, COLUMNS)
    for step in steps:
        many.step(step)
    if not any(math.isclose(math.fsum(steps), edge, abs_tol=1e-9) for edge in (1.0, 3.0)):
        assert many.output("air") == whole.output("air")


def test_nothing_drives_it():
    with pytest.raises(KeyError):
        Recording({}, COLUMNS).set("air", 1.0)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"start": -1}, "start must be a number of seconds from 0, not -1"),
        ({"speed": 0}, "speed must be above 0, not 0"),
        ({"speed": math.inf}, "speed must be above 0"),
        ({"repeat": 0.5}, "repeat must be 0 or 1"),
    ],
)
def test_impossible_parameters_are_refused(parameters, told):
    with pytest.raises(ValueError, match=told):
        Recording(parameters)
