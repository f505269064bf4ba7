"""LQR and MPC on a twin's model: as theory has them, without an offset, within limits."""

from __future__ import annotations

import control
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.bench import Bound, LqrPlan, ModelAhead, MpcPlan, PidPlan
from testbed.control.controllers.lqr import regulator
from testbed.control.controllers.mpc import Mpc
from testbed.twin.models import MODELS, model_class

from .beside import Beside

DT = 0.1
CHAMBER = {
    "kind": "thermal", "reads": "air", "writes": "heater_duty", "noise": 0.02,
    "others": {"fan_speed": 1500.0, "vent_position": 20.0}, "start": {"air": 22.0, "load": 22.0},
}  # fmt: skip
MOTOR = {"kind": "dc-motor", "reads": "speed", "writes": "voltage", "limits": (-12.0, 12.0), "dt": 0.01}


def lqr(signal):
    return LqrPlan("d", signal, error=1.0, effort=20.0, integral=5.0, period=DT)


def mpc(signal):
    return MpcPlan("d", signal, error=1.0, effort=20.0, integral=5.0, period=DT, steps=40)


both = pytest.mark.parametrize("plan", [lqr, mpc])


@pytest.mark.parametrize(
    ("kind", "state", "inputs"),
    [
        ("thermal", (60.0, 50.0), (20.0, 1500.0, 20.0)),
        ("dc-motor", (10.0, 0.5), (3.0, 0.0)),
        ("mass-spring-damper", (0.1, 0.0), (2.0,)),
    ],
)
def test_the_gain_is_that_of_python_control(kind, state, inputs):
    linear = model_class(kind)({}).linearise(state, inputs, DT)
    _, gain = regulator(linear.a, linear.b[:, 0], linear.c[0], 1.0, 0.01)
    reference, _, _ = control.dlqr(linear.a, linear.b[:, :1], linear.c[:1].T @ linear.c[:1], [[0.01]])
    np.testing.assert_allclose(gain, reference[0], rtol=1e-4)


def test_where_no_limit_is_in_the_way_mpc_is_the_lqr():
    runs = [Beside(plan=plan, limits=(-1e4, 1e4), **CHAMBER).run(25.0, 5).outputs for plan in (lqr, mpc)]
    np.testing.assert_allclose(runs[0], runs[1], atol=0.02)


@both
@pytest.mark.parametrize("real", [{"heater_power": 400.0, "ambient": 10.0}, {"forced_convection": 12.0}])
def test_no_offset_remains_however_wrong_the_model_is(plan, real):
    beside = Beside(plan=plan, real=real, **CHAMBER).run(60.0, 40)
    assert np.mean(beside.measured[-100:]) == pytest.approx(60.0, abs=0.05)
    beside.disturbance = -5.0
    beside.run(60.0, 40)
    assert np.mean(beside.measured[-100:]) == pytest.approx(60.0, abs=0.05)


@both
def test_nothing_winds_up_while_the_actuator_is_at_its_end(plan):
    beside = Beside(plan=plan, **CHAMBER).run(400.0, 20)
    assert beside.outputs[-1] == pytest.approx(100.0)
    assert beside.controller.pushing == 1
    top = beside.measured[-1]
    beside.run(top - 20, 10)
    assert beside.outputs[-100] < 50.0, "it leaves the limit at once"


@both
def test_the_same_samples_give_the_same_outputs_to_the_last_bit(plan):
    first, second = (Beside(plan=plan, slew=50.0, **CHAMBER).run(60.0, 3).outputs for _ in range(2))
    assert first == second


@both
@settings(max_examples=4)
@given(setpoints=st.lists(st.floats(-50, 150), min_size=1, max_size=4))
def test_limits_and_slew_are_kept_whatever_is_wanted(plan, setpoints):
    beside = Beside(plan=plan, slew=30.0, **CHAMBER)
    for setpoint in setpoints:
        beside.run(setpoint, 0.5)
    outputs = np.array(beside.outputs)
    assert outputs.min() >= 0.0
    assert outputs.max() <= 100.0
    assert np.abs(np.diff(outputs)).max() <= 30.0 * DT + 1e-9


def test_mpc_foresees_that_another_quantity_would_leave_its_bounds():
    def plan(most):
        def made(signal):
            bounds = (Bound(beside_signals[0], -most, most),) if most else ()
            return MpcPlan(
                "d", signal, error=1.0, effort=5.0, integral=0.5, period=0.01, steps=40, bounds=bounds
            )

        return made

    currents = {}
    for most in (0.0, 3.0):
        beside_signals = []
        beside = Beside(plan=plan(0.0), also=("current",), **MOTOR)
        beside_signals.append(beside.others[0])
        beside.controller = Mpc(plan(most)(beside.signal), beside.actuator, lambda name, b=beside: b.live)
        beside.run(100.0, 1.0)
        currents[most] = max(abs(current) for _, current in beside.said)
        assert beside.measured[-1] == pytest.approx(100.0, abs=0.5)
    assert currents[0.0] > 6.0
    assert currents[3.0] < 3.01


@both
def test_before_the_twin_stands_the_output_rests(plan):
    beside = Beside(plan=plan, **CHAMBER)
    assert beside.controller.compute(60.0, 22.0, DT) == 0.0
    assert beside.controller.terms.setpoint == 60.0


def test_the_terms_add_up_to_the_output_what_holds_it_and_what_is_fed_back():
    beside = Beside(plan=lqr, **CHAMBER).run(60.0, 30)
    terms = beside.terms[-1]
    assert terms.p + terms.i == pytest.approx(terms.output)


def test_a_pid_may_feed_forward_what_holds_the_model_at_the_setpoint():
    def plan(ahead):
        return lambda signal: PidPlan(kp=5.0, feed_forward=ModelAhead("d", signal, DT) if ahead else None)

    bare, helped = (Beside(plan=plan(ahead), **CHAMBER).run(60.0, 60) for ahead in (False, True))
    assert abs(bare.measured[-1] - 60.0) > 1.0, "without an integral it stays below"
    assert helped.measured[-1] == pytest.approx(60.0, abs=0.2)


@both
def test_a_first_command_that_the_guard_held_leaves_nothing_unknown_behind(plan):
    beside = Beside(plan=plan, **CHAMBER).run(60.0, DT)
    beside.controller.applied(float("nan"))
    beside.run(60.0, 20)
    assert beside.measured[-1] == pytest.approx(60.0, abs=0.5)


@both
def test_when_the_model_has_failed_the_output_stays_for_a_moment_and_then_goes_safe(plan):
    beside = Beside(plan=plan, **CHAMBER).run(60.0, 20)
    held = beside.outputs[-1]
    beside.live.lost = "the model has failed: it blew up"
    beside.run(60.0, 4)
    assert beside.outputs[-1] == held
    assert beside.controller.trouble == "the model has failed: it blew up; the output stays as it is"
    beside.run(60.0, 2)
    assert beside.outputs[-1] == 0.0
    assert beside.controller.trouble.endswith("goes to its safe value")


@both
def test_a_clock_and_a_meter_in_the_model_are_no_reason_not_to_rest(plan, monkeypatch):
    monkeypatch.setitem(MODELS, "clocked", "hil_tests.control.clocked:Clocked")
    plain, clocked = (
        Beside(plan=plan, **{**CHAMBER, "kind": kind}).run(60.0, 20) for kind in ("thermal", "clocked")
    )
    assert clocked.controller.trouble == ""
    np.testing.assert_allclose(clocked.measured[-20:], plain.measured[-20:], atol=0.1)
