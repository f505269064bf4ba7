"""A setpoint goes along its legs by the times of samples: ramps, steps, soaks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import Leg
from testbed.control.course import Course


def begun(*legs: Leg, start: float = 0.0) -> Course:
    """Return a course that was asked once, which is when it begins."""
    course = Course(legs, start)
    assert course.advance(0.0, 1.0) == start
    return course


def goes(course: Course, *steps: tuple[float, float]) -> list[float]:
    return [round(course.advance(measured, dt), 9) for measured, dt in steps]


def test_it_begins_where_the_device_is_and_ramps_then_soaks_then_steps():
    course = Course([Leg(30.0, rate=2.0), Leg(None, 3.0), Leg(40.0, 0.0)], None)
    assert goes(course, (20, 0), *[(0, 1.0)] * 8) == [20, 22, 24, 26, 28, 30, 30, 30, 40]
    assert course.over


def test_what_is_left_of_a_step_in_time_goes_to_the_next_leg():
    course = begun(Leg(10.0, 1.0), Leg(20.0, 2.0))
    assert goes(course, (0, 0.5), (0, 1.0), (0, 0.5), (0, 9.0)) == [5.0, 12.5, 15.0, 20.0]


def test_a_guaranteed_soak_counts_only_the_time_near_its_value():
    course = begun(Leg(50.0, 0.0), Leg(None, 2.0, within=1.0), Leg(20.0, 0.0), start=20.0)
    assert goes(course, (20, 0), (40, 5), (49.5, 1), (48, 9), (50.5, 1), (50, 0)) == [50, 50, 50, 50, 20, 20]


def test_a_ramp_takes_the_time_that_it_is_given_up_and_down():
    course = begun(Leg(10.0, 4.0), Leg(0.0, rate=5.0))
    assert goes(course, (0, 2), (0, 2), (0, 1), (0, 1)) == [5, 10, 5, 0]


LEGS = st.lists(
    st.one_of(
        st.builds(Leg, st.floats(-50, 50), st.floats(0, 5)),
        st.builds(Leg, st.floats(-50, 50), rate=st.floats(0.1, 50)),
        st.builds(Leg, st.none(), st.floats(0.01, 5)),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(LEGS, st.lists(st.floats(0.0, 3.0), max_size=60))
def test_it_comes_to_its_end_and_never_leaves_what_its_legs_span(legs, steps):
    course = begun(*legs)
    ends = [0.0, *(leg.to for leg in legs if leg.to is not None)]
    for dt in [*steps, 1e6]:
        assert min(ends) - 1e-9 <= course.advance(0.0, dt) <= max(ends) + 1e-9
    assert course.over
    assert course.value == ends[-1]


@given(LEGS, st.lists(st.integers(1, 8), min_size=1, max_size=30))
def test_it_is_at_the_same_place_however_the_time_is_cut(legs, steps):
    whole, cut = begun(*legs), begun(*legs)
    whole.advance(0.0, sum(steps) / 8)
    for step in steps:
        cut.advance(0.0, step / 8)
    if math.isclose(whole.value, cut.value, abs_tol=1e-6):
        return
    later = begun(*legs).advance(0.0, sum(steps) / 8 + 1e-9)  # at a step, a rounding decides
    assert cut.value == pytest.approx(later, abs=1e-6)
