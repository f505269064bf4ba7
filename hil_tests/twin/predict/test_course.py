"""A course is what the model's own steps give, and its doubt grows as it should; a fork disturbs nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil_tests.twin.test_live import DUTY, FAST, NS, Beside
from testbed.errors import UsageError
from testbed.signals import Sample
from testbed.twin.estimate import ExtendedKalman, Followed
from testbed.twin.models import MODELS, model_class
from testbed.twin.predict import Course, Scores, foretell, futures, reach

POINTS = {
    "battery": ((0.7, 0.01), (1.5,)),
    "dc-motor": ((0.4, 60.0), (6.0, 0.01)),
    "fan": ((900.0,), (60.0,)),
    "first-order-dead-time": ((0.0, 0.0, 0.0, 0.4), (1.0,)),
    "mass-spring-damper": ((0.1, -0.2), (3.0,)),
    "tank": ((0.8,), (2e-4, 40.0)),
    "thermal": ((60.0, 45.0), (15.0, 1500.0, 0.0)),
}


def standing(kind: str) -> ExtendedKalman:
    state, inputs = POINTS[kind]
    model = model_class(kind)({})
    found = ExtendedKalman(Followed(model))
    found.begin([float(each) for each in model.output(state, inputs)], inputs)
    found.state = state
    return found


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_course_is_what_the_models_own_steps_give(kind: str) -> None:
    now, (state, inputs) = standing(kind), POINTS[kind]
    model, changed = now.followed.model, tuple(0.8 * each for each in inputs)
    course = foretell(now, [(1.0, inputs), (9.0, changed)], 100)
    assert course.times[[0, 9, -1]] == pytest.approx([0.1, 1.0, 10.0])
    for at, seconds, given in ((9, 1.0, inputs), (99, 9.0, changed)):
        state = model.step(state, given, seconds)
        assert course.values[at] == pytest.approx(model.output(state, given), rel=2e-3, abs=1e-6)


def test_the_course_of_a_model_that_bends_is_close_too() -> None:
    now, (state, inputs) = standing("tank"), POINTS["tank"]
    course = foretell(now, [(600.0, inputs)], 240)
    assert course.values[-1, 0] == pytest.approx(now.followed.model.step(state, inputs, 600.0)[0], rel=1e-3)


def test_a_filter_keeps_its_state_and_the_doubt_of_a_course_is_that_of_the_filter() -> None:
    now, inputs = standing("thermal"), POINTS["thermal"][1]
    state = now.state
    course = foretell(now, [(60.0, inputs)], 100)
    assert now.state == state
    now.predict(60.0, inputs)
    expected = math.sqrt(now.expect(0, inputs)[1] ** 2 - now.followed.noises[0] ** 2)
    # Process noise is added in lumps of 25 steps, and by one of 60 s here: they agree but roughly.
    assert course.sigmas[-1, 0] == pytest.approx(expected, rel=0.2)


def test_futures_differ_by_their_plans_and_the_live_twin_notices_nothing() -> None:
    beside = Beside().run(20)
    before = beside.twin.tracker.moment()
    same, hot, later = futures(
        beside.twin, 30.0, [{}, {DUTY.path: 60.0}, {DUTY.path: [(10.0, 60.0), (20.0, 0.0)]}]
    )
    path = FAST.signal.path
    assert hot.values[path][-1] > same.values[path][-1] + 10
    assert later.values[path][70] == pytest.approx(same.values[path][70], abs=0.1)
    assert np.argmax(later.values[path]) == pytest.approx(160, abs=3)  # of 240 steps: at 20 s of 30
    after = beside.twin.tracker.moment()
    assert after[:5] == before[:5]


def test_a_forecast_comes_true_within_its_doubt() -> None:
    beside = Beside().run(40)
    (future,) = futures(beside.twin, 20.0, [{}])
    beside.run(20)
    path = FAST.signal.path
    off = beside.plant.output("air_temperature") - future.values[path][-1]
    assert abs(off) < 3 * future.sigmas[path][-1] + 0.1


@pytest.mark.parametrize(
    ("horizon", "plan", "told"),
    [
        (0.0, {}, "a horizon of 0 s cannot be"),
        (10.0, {"fan.pwm": 3.0}, "fan.pwm is no input of this twin"),
    ],
)
def test_what_cannot_be_asked_is_told(horizon: float, plan: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        futures(Beside().run(1).twin, horizon, [plan])


def test_before_the_first_sample_there_is_nothing_to_foretell() -> None:
    beside = Beside()
    with pytest.raises(UsageError, match="no state yet"):
        futures(beside.twin, 1.0, [{}])
    beside.twin.observe(Sample(FAST.signal.id, NS, 22.0))
    assert futures(beside.twin, 1.0, [{}])


def test_the_time_to_a_limit_and_its_doubt() -> None:
    times = np.arange(1.0, 101.0)
    course = Course(times, 20 + 0.5 * times[:, None], np.full((100, 1), 0.25))
    values, sigmas = course.values[:, 0], course.sigmas[:, 0]
    found = reach(times, values, sigmas, 41.75, above=True)
    assert found is not None
    assert found.seconds == pytest.approx(43.5)
    assert found.sigma == pytest.approx(0.5)
    assert reach(times, values, sigmas, 90.0, above=True) is None
    below = reach(times, -values, sigmas, -41.75, above=False)
    assert below is not None
    assert below.seconds == pytest.approx(43.5)
    assert reach(times, values, sigmas, 10.0, above=True) == (0.0, 0.0)


def test_forecasts_are_scored_against_what_happened_and_against_persistence() -> None:
    scores, random = Scores(), np.random.default_rng(4)
    assert math.isnan(scores.skill)
    assert math.isnan(scores.coverage)
    for number in range(400):
        now_ns = number * 5 * NS
        level = 20.0 + 3.0 * number
        truth = level + 6.0 + random.normal(0, 0.5)  # ten seconds later
        scores.ask(
            now_ns, Course(np.array([10.0]), np.array([[level + 6.0]]), np.array([[0.3]])), [0.4], [level]
        )
        scores.hear(now_ns + 10 * NS, 0, truth)
    assert scores.count == 400
    assert scores.coverage == pytest.approx(0.95, abs=0.03)
    assert scores.skill == pytest.approx(1 - 0.25 / 36.25, abs=0.002)


def test_a_forecast_whose_time_passes_in_silence_is_not_scored() -> None:
    scores = Scores()
    scores.ask(0, Course(np.array([10.0]), np.array([[5.0]]), np.array([[0.3]])), [0.1], [5.0])
    scores.hear(30 * NS, 0, 100.0)
    assert scores.count == 0
