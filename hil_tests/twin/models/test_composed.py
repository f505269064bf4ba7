"""Models composed of parts: connected, refused where they go in circles, and replaced part by part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from testbed.twin.estimate import Followed, Happened, Tracker, swapped
from testbed.twin.models import Components, Variable, model_class
from testbed.twin.models.composed import Composed
from testbed.twin.models.ode import OdeModel

NS = 1_000_000_000
INPUTS = (40.0, 0.0, 60.0)  # % of the heater, of the vent, of the fan


def chamber(step: float = 0.1, **parameters: float) -> Composed:
    """Return a chamber whose fan is a part of its own."""
    parts = {"heat": model_class("thermal")({}), "fan": model_class("fan")({})}
    return Composed(parameters, parts, {"heat.fan_speed": "fan.speed"}, step=step)


class Gain(OdeModel):
    """Follows its input at once: made for circles."""

    STATES = (Variable("none", ""),)
    INPUTS = (Variable("into", "K"),)
    OUTPUTS = (Variable("out", "K", noise=0.1),)
    PARAMETERS = (Variable("gain", "", nominal=2.0),)
    LONGEST_STEP = 1.0

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        return (0.0 * state[0],)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        return (inputs[0] * (self.parameters if parameters is None else parameters)[0],)

    def begin(self, outputs: Components, inputs: Components) -> Components:
        return (0.0,)


def test_its_variables_are_those_of_its_parts() -> None:
    model = chamber()
    assert [each.name for each in model.INPUTS] == ["heater_duty", "vent_position", "duty"]
    assert [each.name for each in model.OUTPUTS] == ["air", "load", "speed", "current"]
    assert [each.name for each in model.STATES] == ["air", "load", "speed"]
    assert model.places("fan") == range(2, 3)
    assert chamber(ambient=5.0).parameters[7] == 5.0


def test_names_that_several_parts_have_are_those_of_their_part() -> None:
    twins = Composed({}, {"left": model_class("fan")({}), "right": model_class("fan")({"lag": 1.0})})
    assert [each.name for each in twins.OUTPUTS] == [
        "left_speed",
        "left_current",
        "right_speed",
        "right_current",
    ]
    assert [each.name for each in twins.INPUTS] == ["duty"]
    state = twins.step(twins.begin((math.nan,) * 4, (0.0,)), (50.0,), 1.0)
    assert twins.output(state, (50.0,))[0] > twins.output(state, (50.0,))[2]


def error(step: float) -> float:
    model = chamber(step)
    heat, fan = model.parts.values()
    state = (30.0, 25.0, 0.0)

    def rates(_: float, x: Any) -> Any:
        speed = fan.output((x[2],), (INPUTS[2],))[0]
        warming = heat.rates(tuple(x[:2]), (INPUTS[0], speed, INPUTS[1]), heat.parameters)
        return (*warming, *fan.rates((x[2],), (INPUTS[2],), fan.parameters))

    expected = solve_ivp(rates, (0.0, 2.0), state, rtol=1e-10, atol=1e-10).y[:, -1]
    return float(np.abs(np.subtract(model.step(state, INPUTS, 2.0), expected)).max())


def test_it_goes_where_a_solver_of_all_parts_at_once_goes() -> None:
    assert error(0.1) < 0.02
    assert error(0.05) < error(0.1) / 3  # second order


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=4), st.floats(0.01, 3.0))
def test_many_cases_at_once_go_as_each_alone(duties: list[float], seconds: float) -> None:
    model = chamber()
    state = (30.0, 25.0, 1000.0)
    after = model.step(state, (np.array(duties), *INPUTS[1:]), seconds)
    for number, duty in enumerate(duties):
        alone = model.step(state, (duty, *INPUTS[1:]), seconds)
        assert [np.broadcast_to(each, len(duties))[number] for each in after] == pytest.approx(
            alone, rel=1e-12
        )


def test_near_a_point_it_is_its_linear_form() -> None:
    model, state = chamber(), (50.0, 40.0, 1500.0)
    linear = model.linearise(state, INPUTS, 0.2)
    nudge = np.array((0.01, 0.02, 1.0))
    moved = np.subtract(model.step(tuple(np.add(state, nudge)), INPUTS, 0.2), model.step(state, INPUTS, 0.2))
    assert moved == pytest.approx(linear.a @ nudge, rel=1e-3)
    assert model.transition(state, INPUTS, 0.2) == pytest.approx(linear.a)


def test_a_saved_state_comes_back_to_the_last_bit() -> None:
    model = chamber()
    state = model.step((30.0, 25.0, 0.0), INPUTS, 1.0)
    assert model.restore(model.save(state)) == state
    for saved in (b"", b"[1]", b'{"heat": ""}'):
        with pytest.raises(ValueError, match="no saved state of heat, fan"):
            model.restore(saved)


# Connections --------------------------------------------------------------------------------------


def test_an_algebraic_loop_is_refused_by_the_names_in_it() -> None:
    parts = {"one": Gain({}), "two": Gain({}), "heat": model_class("thermal")({})}
    with pytest.raises(ValueError, match=r"(one|two)\.out -> (one|two)\.out -> .* is an algebraic loop"):
        Composed({}, parts, {"one.into": "two.out", "two.into": "one.out"})


def test_a_chain_is_told_in_its_order_whatever_that_of_its_parts() -> None:
    model = Composed({}, {"last": Gain({}), "first": Gain({})}, {"last.into": "first.out"})
    assert model.output((0.0, 0.0), (3.0,)) == (12.0, 6.0)


@pytest.mark.parametrize(
    ("connect", "told"),
    [
        ({"heat.fan_sped": "fan.speed"}, "heat has no input 'fan_sped'.*'fan_speed'"),
        ({"heat.fan_speed": "fun.speed"}, "no part is called 'fun'.*'fan'"),
        ({"heat.fan_speed": "fan.current"}, r"heat\.fan_speed: .*A.*rpm"),
    ],
)
def test_what_cannot_be_connected_is_refused(connect: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Composed({}, {"heat": model_class("thermal")({}), "fan": model_class("fan")({})}, connect)


def test_a_sum_adds_what_others_say_to_its_first_and_begins_as_is_measured() -> None:
    parts = {"heat": model_class("thermal")({}), "error": Gain({})}
    model = Composed({}, parts, sums={"temperature": ["heat.air", "error.out"]})
    assert (model.OUTPUTS[0].name, model.OUTPUTS[0].unit) == ("temperature", "degC")
    inputs = (0.0, 0.0, 0.0, 0.5)
    state = model.begin((40.0, *(math.nan,) * 3), inputs)
    assert model.output(state, inputs)[:3] == pytest.approx((40.0, 39.0, 39.0))


# A part is replaced -------------------------------------------------------------------------------


def test_a_part_is_replaced_and_the_others_keep_their_states() -> None:
    model = chamber(ambient=10.0)
    state = model.step((30.0, 25.0, 900.0), INPUTS, 1.0)
    slower = model_class("fan")({"lag": 2.0})
    changed, after = model.swap("fan", slower, state, INPUTS)
    assert after == pytest.approx(state)
    assert changed.parameters[7] == 10.0
    assert changed.parts["fan"] is slower
    assert changed.step(after, INPUTS, 1.0)[2] < model.step(state, INPUTS, 1.0)[2]


@pytest.mark.parametrize(("part", "kind"), [("fun", "fan"), ("fan", "tank")])
def test_what_does_not_fit_in_the_place_is_refused(part: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"no part 'fun'|fan has no output 'speed'"):
        chamber().swap(part, model_class(kind)({}), (30.0, 25.0, 0.0), INPUTS)


def test_a_filter_goes_on_while_a_part_is_replaced() -> None:
    truth, tracker = chamber(), Tracker(Followed(chamber()), INPUTS)
    state = (30.0, 25.0, 0.0)
    for step in range(1, 61):
        state = truth.step(state, INPUTS, 0.1)
        for sensor in (0, 1, 2):
            tracker.take(Happened(step * NS // 10, True, sensor, truth.output(state, INPUTS)[sensor]))
        if step == 40:
            before = tracker
            tracker = swapped(tracker, "fan", model_class("fan")({"lag": 0.35}))
    assert tracker.followed.model is not before.followed.model
    assert tracker.filter.state == pytest.approx(state, rel=2e-3)
    assert np.diag(tracker.filter.covariance)[:2] == pytest.approx(
        np.diag(before.filter.covariance)[:2], rel=0.5
    )
