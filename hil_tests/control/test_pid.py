"""The PID controller keeps to what its actuator can do and never winds up."""

import math

from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import PidSpec
from testbed.control import Pid
from testbed.signals import Access, Signal

NUMBER = st.floats(-1e3, 1e3)


def actuator(limits: tuple[float, float] | None = (0, 100), slew: float | None = None) -> Signal:
    return Signal(0, "d", "u", "%", Access.WRITE, limits=limits, slew=slew, safe=0.0)


def test_a_proportional_controller_answers_its_error():
    pid = Pid(PidSpec(kp=2.0), actuator())
    assert pid.compute(60.0, 50.0, 0.1) == 20.0


def test_the_integral_removes_a_lasting_error():
    pid = Pid(PidSpec(kp=0.0, ki=1.0), actuator())
    outputs = [pid.compute(10.0, 0.0, 0.1) for _ in range(3)]
    assert outputs == [1.0, 2.0, 3.0]


def test_the_derivative_acts_on_the_measurement_so_a_new_setpoint_gives_no_kick():
    pid = Pid(PidSpec(kp=0.0, kd=1.0), actuator((-100, 100)))
    pid.compute(0.0, 5.0, 0.1)
    assert pid.compute(50.0, 5.0, 0.1) == 0.0
    assert math.isclose(pid.compute(50.0, 6.0, 0.1), -10.0)


def test_after_long_saturation_the_output_leaves_the_limit_at_once():
    pid = Pid(PidSpec(kp=1.0, ki=10.0), actuator())
    for _ in range(1000):
        assert pid.compute(200.0, 0.0, 0.1) == 100.0
    assert pid.compute(200.0, 210.0, 0.1) < 100.0


def test_a_reset_starts_from_the_actuators_present_value():
    pid = Pid(PidSpec(kp=100.0), actuator(slew=10.0))
    pid.reset(30.0)
    assert pid.compute(100.0, 0.0, 0.1) == 31.0


@given(st.lists(st.tuples(NUMBER, NUMBER, st.floats(0.001, 1.0)), min_size=1, max_size=50))
def test_the_output_is_always_within_limits_and_slew(steps):
    pid = Pid(PidSpec(kp=3.0, ki=2.0, kd=0.1), actuator((-20, 80), slew=50.0))
    before = math.nan
    for setpoint, measured, dt in steps:
        output = pid.compute(setpoint, measured, dt)
        assert -20 <= output <= 80
        if not math.isnan(before):
            assert abs(output - before) <= 50.0 * dt + 1e-9
        before = output
