"""What holds of every model that is shipped, and where each is checked against an independent solution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.signal import TransferFunction, lsim

from testbed.errors import UsageError
from testbed.twin.models import Components, Model, linearise, model_class

# A state and inputs at which something goes on.
POINTS: dict[str, tuple[Components, Components]] = {
    "battery": ((0.7, 0.01), (1.5,)),
    "dc-motor": ((0.4, 60.0), (6.0, 0.01)),
    "fan": ((900.0,), (60.0,)),
    "first-order-dead-time": ((0.001, 0.0, 0.0, 0.4), (1.0,)),
    "mass-spring-damper": ((0.1, -0.2), (3.0,)),
    "tank": ((0.8,), (2e-4, 40.0)),
    "thermal": ((60.0, 45.0), (20.0, 1500.0, 30.0)),
}
# How long each is followed, s.
SPANS = {"battery": 600.0, "dc-motor": 0.5, "fan": 2.0, "first-order-dead-time": 20.0} | {
    "mass-spring-damper": 5.0, "tank": 300.0, "thermal": 60.0,
}  # fmt: skip

every_model = pytest.mark.parametrize("kind", sorted(POINTS))


def make(kind: str) -> Any:
    return model_class(kind)({})


@every_model
def test_it_goes_where_an_independent_solver_goes(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    times = np.linspace(0.0, SPANS[kind], 21)
    reference = solve_ivp(
        lambda _, x: model.rates(tuple(x), inputs, model.parameters),
        (0.0, times[-1]), state, method="LSODA", t_eval=times, rtol=1e-9, atol=1e-12,
    ).y  # fmt: skip
    for before, after, expected in zip(times, times[1:], reference.T[1:], strict=False):
        state = model.step(state, inputs, after - before)
        assert state == pytest.approx(expected, rel=1e-4, abs=1e-6)


@every_model
def test_many_cases_at_once_go_as_each_alone(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    spread = np.linspace(0.9, 1.1, 7)
    cases = tuple(component * spread for component in state)
    after = model.step(cases, inputs, 1.0)
    seen = model.output(after, inputs)
    for number, factor in enumerate(spread):
        alone = model.step(tuple(component * factor for component in state), inputs, 1.0)
        assert [component[number] for component in after] == pytest.approx(alone, rel=1e-12)
        told = [np.broadcast_to(each, spread.shape)[number] for each in seen]
        assert told == pytest.approx(model.output(alone, inputs), rel=1e-12)


@every_model
def test_cases_may_differ_in_their_parameters(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    first = np.array([model.parameters[0], model.parameters[0] * 1.2])
    after = model.step(state, inputs, 1.0, (first, *model.parameters[1:]))
    other = model_class(kind)({model.PARAMETERS[0].name: first[1]})
    assert [np.broadcast_to(x, 2)[0] for x in after] == pytest.approx(model.step(state, inputs, 1.0))
    assert [np.broadcast_to(x, 2)[1] for x in after] == pytest.approx(other.step(state, inputs, 1.0))


@every_model
def test_near_a_point_it_is_its_linear_form(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    linear = model.linearise(state, inputs, 0.1)
    nudge = tuple(1e-3 * max(1.0, abs(component)) for component in state)
    moved = np.subtract(
        model.step(tuple(x + dx for x, dx in zip(state, nudge, strict=True)), inputs, 0.1),
        model.step(state, inputs, 0.1),
    )
    assert moved == pytest.approx(linear.a @ nudge, rel=1e-2, abs=1e-6)
    for seconds in (model.LONGEST_STEP / 2, model.LONGEST_STEP * 7):
        expected = model.linearise(state, inputs, seconds).a
        assert model.transition(state, inputs, seconds) == pytest.approx(expected, rel=0.02, abs=1e-3)
    assert np.array_equal(model.transition(state, inputs, 0.0), np.eye(len(state)))
    assert linear.b.shape == (len(state), len(inputs))
    assert linear.c.shape == (len(model.OUTPUTS), len(state))
    assert linear.d.shape == (len(model.OUTPUTS), len(inputs))


@every_model
def test_a_state_is_saved_to_the_last_bit(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    state = model.step(state, inputs, 0.3)
    assert model.restore(model.save(state)) == state


@every_model
@pytest.mark.parametrize("saved", [b"", b"nonsense", b"\xff", b"{}", b"[1, 2, 3, 4, 5, 6]", b'["a"]', b"7"])
def test_what_is_no_state_is_refused(kind: str, saved: bytes) -> None:
    with pytest.raises(ValueError, match="saved state"):
        make(kind).restore(saved)


@every_model
def test_it_begins_with_what_is_measured_and_without_any_measurement(kind: str) -> None:
    model, (state, inputs) = make(kind), POINTS[kind]
    nothing = (math.nan,) * len(model.OUTPUTS)
    assert all(math.isfinite(component) for component in model.begin(nothing, inputs))
    measured = model.output(state, inputs)
    first = model.begin((measured[0], *nothing[1:]), inputs)
    if kind != "battery":  # its voltage under a current is that of a cell at rest with less charge
        assert model.output(first, inputs)[0] == pytest.approx(measured[0])


@every_model
def test_its_variables_have_names_of_their_own_and_nominal_values_in_bounds(kind: str) -> None:
    model = make(kind)
    for variables in (model.STATES, model.INPUTS, model.OUTPUTS, model.PARAMETERS):
        names = [variable.name for variable in variables]
        assert len(set(names)) == len(names)
    for variable in model.PARAMETERS:
        assert variable.low <= variable.nominal <= variable.high


@every_model
def test_parameters_out_of_bounds_and_unknown_ones_are_refused_by_name(kind: str) -> None:
    bounded = next(each for each in make(kind).PARAMETERS if math.isfinite(each.low))
    with pytest.raises(ValueError, match=bounded.name):
        model_class(kind)({bounded.name: bounded.low - 1})
    with pytest.raises(ValueError, match=bounded.name):
        model_class(kind)({bounded.name: math.nan})
    with pytest.raises(ValueError, match="there is no parameter 'colour'"):
        model_class(kind)({"colour": 1.0})


def test_an_unknown_model_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="thermal"):
        model_class("termal")


def test_a_dead_time_shows_an_input_when_it_has_passed() -> None:
    model = model_class("first-order-dead-time")({"gain": 2.0, "lag": 5.0, "dead_time": 2.0, "bias": 20.0})
    state = model.begin((20.0,), (0.0,))
    seen: list[float] = []
    for _ in range(300):
        state = model.step(state, (1.0,), 0.1)
        seen.append(model.output(state, (1.0,))[0])
    times = np.arange(1, 301) / 10
    exact = 20 + 2 * np.where(times > 2, 1 - np.exp(-(times - 2) / 5), 0.0)
    assert np.abs(np.array(seen) - exact).max() < 0.05
    pade = TransferFunction([-1, 12, -60, 120], [1, 12, 60, 120])  # in units of 1/dead time
    _, delayed, _ = lsim(pade, np.ones(2000), np.linspace(0, 3, 2000))
    assert delayed[-1] == pytest.approx(1.0, abs=0.05)


def test_a_worn_bearing_takes_speed_and_draws_more() -> None:
    sound, worn = model_class("fan")({}), model_class("fan")({"friction": 2.0})
    settled = [model.output(model.step((0.0,), (80.0,), 5.0), (80.0,)) for model in (sound, worn)]
    assert settled[0][0] == pytest.approx(2400.0, rel=1e-4)
    assert settled[1][0] < settled[0][0]
    assert settled[1][1] > settled[0][1]


@given(duty=st.floats(0, 100), speed=st.floats(0, 3000), vent=st.floats(0, 100))
def test_a_chamber_comes_to_rest_where_heat_in_is_heat_out(duty: float, speed: float, vent: float) -> None:
    model: Model = model_class("thermal")({})
    state = model.step((22.0, 22.0), (duty, speed, vent), 2000.0)
    losses = (0.8 + 2.4 * vent / 100) * (state[0] - 22.0)
    assert losses == pytest.approx(500.0 * duty / 100, rel=1e-3, abs=0.05)
    assert state[1] == pytest.approx(state[0], abs=0.05)
    slope = linearise(model, state, (duty, speed, vent), 1.0).a
    assert np.abs(np.linalg.eigvals(slope)).max() < 1.0
