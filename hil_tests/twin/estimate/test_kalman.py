"""The filter follows what nobody measures, and knows how sure it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from filterpy.kalman import ExtendedKalmanFilter, MerweScaledSigmaPoints, UnscentedKalmanFilter
from scipy.stats import norm

from testbed.twin.estimate import ExtendedKalman, Followed, UnscentedKalman
from testbed.twin.models import model_class

THERMAL, STEP = "thermal", 0.1
INPUTS = (15.0, 1500.0, 0.0)


class Truth:
    """A device that wanders off its model as much as the model says, seen through noisy sensors."""

    def __init__(self, kind: str, state: tuple[float, ...], seed: int) -> None:
        self.model: Any = model_class(kind)({})
        self.state = state
        self._random = np.random.default_rng(seed)

    def step(self, seconds: float, inputs: tuple[float, ...]) -> None:
        gone = self.model.step(self.state, inputs, seconds)
        self.state = tuple(
            x + self._random.normal(0, variable.noise * math.sqrt(seconds))
            for x, variable in zip(gone, self.model.STATES, strict=True)
        )

    def measured(self, output: int, inputs: tuple[float, ...]) -> float:
        noise = self.model.OUTPUTS[output].noise
        return float(self.model.output(self.state, inputs)[output] + self._random.normal(0, noise))


def begun(
    truth: Truth, inputs: tuple[float, ...], kind: type[ExtendedKalman] = ExtendedKalman
) -> ExtendedKalman:
    followed = kind(Followed(type(truth.model)({})))
    outputs = (truth.measured(0, inputs), *[math.nan] * (len(truth.model.OUTPUTS) - 1))
    followed.begin(outputs, inputs)
    return followed


@pytest.mark.parametrize(
    ("kind", "state", "inputs", "step"),
    [
        (THERMAL, (40.0, 38.0), INPUTS, 0.1),
        ("fan", (1400.0,), (50.0,), 0.02),
        ("dc-motor", (0.5, 80.0), (6.0, 0.01), 0.01),
        ("mass-spring-damper", (0.1, 0.0), (3.0,), 0.05),
        ("tank", (0.8,), (2e-4, 40.0), 1.0),
    ],
)
def test_95_percent_intervals_hold_the_truth_95_percent_of_the_time(
    kind: str, state: tuple[float, ...], inputs: tuple[float, ...], step: float
) -> None:
    width, held, all_ = norm.ppf(0.975), 0, 0
    for seed in range(40):
        truth = Truth(kind, state, seed)
        followed = begun(truth, inputs)
        for number in range(150):
            truth.step(step, inputs)
            followed.predict(step, inputs)
            followed.correct(0, truth.measured(0, inputs), inputs)
            if number >= 100:  # what it began with is forgotten by then
                errors = np.subtract(followed.state, truth.state)
                held += int(np.sum(np.abs(errors) <= width * np.sqrt(np.diag(followed.covariance))))
                all_ += len(errors)
    assert 0.93 <= held / all_ <= 0.97


def test_so_do_those_of_the_unscented_filter_where_the_model_bends() -> None:
    width, held, all_, inputs = norm.ppf(0.975), 0, 0, (0.0, 40.0)
    for seed in range(40):  # a tank that runs empty: its outflow goes by the root of what is in it
        truth = Truth("tank", (0.2,), seed)
        followed = begun(truth, inputs, UnscentedKalman)
        for number in range(150):
            truth.step(1.0, inputs)
            followed.predict(1.0, inputs)
            followed.correct(0, truth.measured(0, inputs), inputs)
            if number >= 100:
                errors = np.subtract(followed.state, truth.state)
                held += int(np.sum(np.abs(errors) <= width * np.sqrt(np.diag(followed.covariance))))
                all_ += len(errors)
    assert 0.93 <= held / all_ <= 0.97


def test_on_a_model_that_does_not_bend_both_filters_are_one() -> None:
    truth, inputs = Truth("mass-spring-damper", (0.1, 0.0), 1), (3.0,)
    both = [begun(truth, inputs, kind) for kind in (ExtendedKalman, UnscentedKalman)]
    both[1].state = both[0].state
    for _ in range(100):
        truth.step(0.05, inputs)
        said = truth.measured(0, inputs)
        for followed in both:
            followed.predict(0.05, inputs)
            followed.correct(0, said, inputs)
        assert both[1].state == pytest.approx(both[0].state, rel=1e-6, abs=1e-9)
        assert both[1].covariance == pytest.approx(both[0].covariance, rel=1e-5, abs=1e-12)
    assert both[1].expect(0, inputs) == pytest.approx(both[0].expect(0, inputs))
    off = both[1].correct(0, 1e3, inputs, gate=5.0)
    assert not off.taken


def test_the_unscented_filter_reckons_as_filterpy_s_does() -> None:
    truth, inputs = Truth("tank", (0.3,), 2), (1e-4, 40.0)
    followed = begun(truth, inputs, UnscentedKalman)
    model = truth.model
    points = MerweScaledSigmaPoints(1, alpha=0.5, beta=2.0, kappa=0.0)
    peer = UnscentedKalmanFilter(
        1, 1, 1.0,
        hx=lambda x: np.array(model.output(tuple(x), inputs)[:1]),
        fx=lambda x, dt: np.array(model.step(tuple(x), inputs, dt)),
        points=points,
    )  # fmt: skip
    peer.x, peer.P = np.array(followed.state), followed.covariance.copy()
    peer.Q, peer.R = np.diag([model.STATES[0].noise ** 2]), np.array([[model.OUTPUTS[0].noise ** 2]])
    for _ in range(100):
        truth.step(1.0, inputs)
        said = truth.measured(0, inputs)
        followed.predict(1.0, inputs)
        peer.predict()
        peer.sigmas_f = points.sigma_points(peer.x, peer.P)  # drawn anew before the measurement, as ours are
        followed.correct(0, said, inputs)
        peer.update(np.array([said]))
        assert followed.state == pytest.approx(peer.x, rel=1e-7)
        assert followed.covariance == pytest.approx(peer.P, rel=1e-6)


def test_it_reckons_as_filterpy_does() -> None:
    truth = Truth(THERMAL, (40.0, 30.0), 3)
    followed = begun(truth, INPUTS)
    model = truth.model
    peer = ExtendedKalmanFilter(2, 1)
    peer.x, peer.P = np.array([followed.state]).T, followed.covariance.copy()
    peer.Q = np.diag([state.noise**2 for state in model.STATES]) * STEP
    peer.R = np.array([[model.OUTPUTS[0].noise ** 2]])
    for _ in range(200):
        truth.step(STEP, INPUTS)
        said = truth.measured(0, INPUTS)
        followed.predict(STEP, INPUTS)
        followed.correct(0, said, INPUTS)
        at = tuple(peer.x[:, 0])
        peer.F = model.linearise(at, INPUTS, STEP).a
        peer.x = np.array([model.step(at, INPUTS, STEP)]).T
        peer.P = peer.F @ peer.P @ peer.F.T + peer.Q
        peer.update(np.array([[said]]), lambda _: np.array([[1.0, 0.0]]), lambda x: x[:1])
        assert followed.state == pytest.approx(peer.x[:, 0], rel=1e-9)
        assert followed.covariance == pytest.approx(peer.P, rel=1e-6)


def test_what_nobody_measures_is_found() -> None:
    truth = Truth(THERMAL, (60.0, 25.0), 5)  # the load was put in cold
    followed = begun(truth, INPUTS)
    for _ in range(600):
        truth.step(STEP, INPUTS)
        followed.predict(STEP, INPUTS)
        followed.correct(0, truth.measured(0, INPUTS), INPUTS)
    assert followed.state[1] == pytest.approx(truth.state[1], abs=1.0)


def test_without_measurements_it_grows_unsure_and_with_them_sure_again() -> None:
    truth = Truth(THERMAL, (40.0, 40.0), 7)
    followed = begun(truth, INPUTS)
    for _ in range(100):
        followed.predict(STEP, INPUTS)
        followed.correct(0, 40.0, INPUTS)
    sure = followed.expect(0, INPUTS)[1]
    followed.predict(30.0, INPUTS)
    unsure = followed.expect(0, INPUTS)[1]
    assert unsure > 1.1 * sure
    innovation = followed.correct(0, followed.expect(0, INPUTS)[0] + 3 * unsure, INPUTS)
    assert innovation.nis == pytest.approx(9.0)
    assert followed.expect(0, INPUTS)[1] < unsure


def test_sensors_may_come_at_rates_of_their_own() -> None:
    truth = Truth(THERMAL, (60.0, 25.0), 9)
    one, both = begun(truth, INPUTS), begun(truth, INPUTS)
    for number in range(21):
        truth.step(STEP, INPUTS)
        for followed in (one, both):
            followed.predict(STEP, INPUTS)
            followed.correct(0, truth.measured(0, INPUTS), INPUTS)
        if number % 20 == 0:
            both.correct(1, truth.measured(1, INPUTS), INPUTS)
    assert both.covariance[1, 1] < one.covariance[1, 1] / 2
    assert both.state[1] == pytest.approx(truth.state[1], abs=0.2)
