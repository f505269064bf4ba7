"""The PID controller keeps to what its actuator can do and never winds up."""

import math

from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import FeedForward, PidPlan
from testbed.control import Pid, make_controller
from testbed.signals import Access, Signal
from testbed.twin import LiveTwin


def no_twin(name: str) -> LiveTwin:
    raise LookupError(name)


NUMBER = st.floats(-1e3, 1e3)


def actuator(limits: tuple[float, float] | None = (0, 100), slew: float | None = None) -> Signal:
    return Signal(0, "d", "u", "%", Access.WRITE, limits=limits, slew=slew, safe=0.0)


def test_a_proportional_controller_answers_its_error():
    pid = Pid(PidPlan(kp=2.0), actuator())
    assert pid.compute(60.0, 50.0, 0.1) == 20.0


def test_the_integral_removes_a_lasting_error():
    pid = Pid(PidPlan(kp=0.0, ki=1.0), actuator())
    outputs = [pid.compute(10.0, 0.0, 0.1) for _ in range(3)]
    assert outputs == [1.0, 2.0, 3.0]


def test_the_derivative_acts_on_the_measurement_so_a_new_setpoint_gives_no_kick():
    pid = Pid(PidPlan(kp=0.0, kd=1.0), actuator((-100, 100)))
    pid.compute(0.0, 5.0, 0.1)
    assert pid.compute(50.0, 5.0, 0.1) == 0.0
    assert math.isclose(pid.compute(50.0, 6.0, 0.1), -10.0)


def test_after_long_saturation_the_output_leaves_the_limit_at_once():
    pid = Pid(PidPlan(kp=1.0, ki=10.0), actuator())
    for _ in range(1000):
        assert pid.compute(200.0, 0.0, 0.1) == 100.0
    assert pid.compute(200.0, 210.0, 0.1) < 100.0


def test_a_reset_starts_from_the_actuators_present_value():
    pid = Pid(PidPlan(kp=100.0), actuator(slew=10.0))
    pid.reset(30.0)
    assert pid.compute(100.0, 0.0, 0.1) == 31.0


def test_taking_over_is_bumpless_where_there_is_an_integral():
    pid = Pid(PidPlan(kp=2.0, ki=0.5, kd=1.0, bias=7.0), actuator())
    pid.reset(42.0)
    assert math.isclose(pid.compute(60.0, 50.0, 0.1), 42.0)
    assert math.isclose(pid.compute(60.0, 50.0, 0.1), 42.5)  # from there the integral moves it


def test_taking_over_far_from_the_setpoint_does_not_leave_an_integral_that_takes_long_to_come_back():
    pid = Pid(PidPlan(kp=20.0, ki=1.0), actuator(slew=50.0))
    pid.reset(0.0)
    assert pid.compute(60.0, 20.0, 0.1) == 5.0, "no faster than the actuator's slew"
    assert pid.terms.i == 4.0  # and not -800, which at this error would keep the output where it is


def test_the_derivative_of_noise_is_smoothed_by_its_filter():
    sharp, smooth = (Pid(PidPlan(kp=0.0, kd=1.0, filter=each), actuator((-100, 100))) for each in (0.0, 0.9))
    for pid in (sharp, smooth):
        pid.compute(0.0, 0.0, 0.1)
    assert math.isclose(sharp.compute(0.0, 1.0, 0.1), -10.0)
    assert math.isclose(smooth.compute(0.0, 1.0, 0.1), -1.0)
    assert math.isclose(smooth.compute(0.0, 1.0, 0.1), -0.9)  # and fades away


def test_setpoint_weights_say_how_much_of_a_new_setpoint_each_part_sees():
    pid = Pid(PidPlan(kp=2.0, kd=1.0, setpoint_weight=0.5, derivative_weight=1.0), actuator((-100, 100)))
    pid.compute(0.0, 0.0, 1.0)
    assert pid.compute(10.0, 0.0, 1.0) == 2.0 * 5.0 + 10.0


def test_a_measured_disturbance_acts_before_any_error_and_its_last_good_value_counts():
    values = iter([20.0, 25.0, math.nan])
    vent = Signal(1, "d", "v", "%")
    plan = PidPlan(kp=1.0, feed_forward=FeedForward(vent, 2.0, at=20.0))
    pid = make_controller(plan, actuator(), lambda _: next(values), no_twin)
    assert [pid.compute(60.0, 60.0, 0.1) for _ in range(3)] == [0.0, 10.0, 10.0]


def test_other_gains_make_no_bump():
    pid = Pid(PidPlan(kp=2.0, ki=0.1), actuator())
    before = pid.compute(60.0, 50.0, 0.1)
    pid.retune(PidPlan(kp=5.0, ki=0.1))
    assert math.isclose(pid.compute(60.0, 50.0, 0.1), before + 0.1)


@given(st.lists(st.tuples(NUMBER, NUMBER, st.floats(0.001, 1.0)), min_size=1, max_size=50))
def test_the_output_is_always_within_limits_and_slew(steps):
    pid = Pid(PidPlan(kp=3.0, ki=2.0, kd=0.1), actuator((-20, 80), slew=50.0))
    before = math.nan
    for setpoint, measured, dt in steps:
        output = pid.compute(setpoint, measured, dt)
        assert -20 <= output <= 80
        if not math.isnan(before):
            assert abs(output - before) <= 50.0 * dt + 1e-9
        before = output
