"""Whatever its kind, a controller keeps to what its actuator can do, and reckons the same every time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import FeedForward, OnOffPlan, PidPlan, RelayPlan, ScheduledPlan
from testbed.control.controllers import Controller, make_controller
from testbed.signals import Access, Signal

from .test_pid import no_twin

ACTUATOR = Signal(0, "d", "u", "%", Access.WRITE, limits=(-20, 80), slew=50.0, safe=0.0)
OTHER = Signal(1, "d", "v", "degC")
PLANS = {
    "pid": PidPlan(
        kp=3.0, ki=2.0, kd=0.4, filter=0.2, setpoint_weight=0.5, derivative_weight=0.3,
        feed_forward=FeedForward(OTHER, -2.0, 20.0),
    ),
    "scheduled": ScheduledPlan(OTHER, ((0.0, PidPlan(kp=3.0, ki=2.0)), (50.0, PidPlan(kp=-1.0, ki=0.2)))),
    "on_off": OnOffPlan(on=70.0, off=-10.0, hysteresis=5.0, min_on=0.5),
    "relay": RelayPlan(low=-20.0, high=80.0, step=10.0),
}  # fmt: skip
NUMBER = st.floats(-1e3, 1e3)
STEPS = st.lists(
    st.tuples(
        NUMBER, NUMBER, NUMBER, st.floats(0.001, 1.0), st.sampled_from(["go", "go", "held", "reset"])
    ),
    min_size=1, max_size=40,
)  # fmt: skip
every_kind = pytest.mark.parametrize("kind", PLANS)


def run(kind: str, steps: list[tuple[float, float, float, float, str]]) -> list[tuple[float, float, float]]:
    """Return (output, output before it, dt) of each step."""
    others = iter([step[2] for step in steps])
    controller: Controller = make_controller(PLANS[kind], ACTUATOR, lambda signal: next(others), no_twin)
    given, before = [], math.nan
    for setpoint, measured, _, dt, event in steps:
        if event == "reset":
            before = 0.0
            controller.reset(before)
        output = controller.compute(setpoint, measured, dt)
        given.append((output, before, dt))
        if event == "held" and not math.isnan(before):
            controller.applied(before)
        else:
            before = output
    return given


@every_kind
@given(steps=STEPS)
def test_the_output_is_always_within_limits_and_slew(kind, steps):
    for output, before, dt in run(kind, steps):
        assert -20 <= output <= 80
        assert math.isnan(before) or abs(output - before) <= 50.0 * dt + 1e-9


@every_kind
@given(steps=STEPS)
def test_the_same_measurements_give_the_same_outputs_to_the_last_bit(kind, steps):
    first, second = ([output for output, _, _ in run(kind, steps)] for _ in range(2))
    assert first == second


@every_kind
def test_the_terms_tell_what_was_asked_and_given(kind):
    controller = make_controller(PLANS[kind], ACTUATOR, lambda signal: 20.0, no_twin)
    output = controller.compute(60.0, 50.0, 0.1)
    assert controller.terms[:3] == (60.0, 50.0, output)


@every_kind
def test_a_first_command_that_the_guard_held_leaves_nothing_unknown_behind(kind):
    controller = make_controller(PLANS[kind], ACTUATOR, lambda signal: 20.0, no_twin)
    controller.compute(60.0, 50.0, 0.1)
    controller.applied(math.nan)
    assert math.isfinite(controller.compute(60.0, 50.0, 0.1))
