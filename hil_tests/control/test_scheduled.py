"""Scheduled gains go by where the device is, on straight lines between points, without bumps."""

import math

import pytest

from testbed.bench import PidPlan, ScheduledPlan
from testbed.control.controllers import Scheduled
from testbed.control.controllers.scheduled import gains_at
from testbed.signals import Access, Signal

HEATER = Signal(0, "d", "u", "%", Access.WRITE, limits=(0, 100), safe=0.0)
FAN = Signal(1, "fan", "speed", "rpm")
PLAN = ScheduledPlan(FAN, ((500.0, PidPlan(kp=2.0, ki=0.1)), (1500.0, PidPlan(kp=6.0, ki=0.3))))


@pytest.mark.parametrize(
    ("at", "kp", "ki"), [(0, 2, 0.1), (500, 2, 0.1), (1000, 4, 0.2), (1500, 6, 0.3), (9e9, 6, 0.3)]
)
def test_between_two_points_the_gains_are_on_a_straight_line_and_beyond_the_last_they_stay(at, kp, ki):
    gains = gains_at(PLAN, at)
    assert math.isclose(gains.kp, kp)
    assert math.isclose(gains.ki, ki)


def test_without_a_good_value_they_stay_as_they_are_and_begin_with_the_gentlest():
    speeds = iter([math.nan, 1500.0, math.nan])
    controller = Scheduled(PLAN, HEATER, lambda _: next(speeds))
    kps = []
    for _ in range(3):
        controller.compute(60.0, 59.0, 0.0)
        kps.append(controller.terms.p)
    assert kps == [2.0, 6.0, 6.0]


def test_another_point_makes_no_bump():
    speeds = iter([500.0, 1500.0])
    controller = Scheduled(PLAN, HEATER, lambda _: next(speeds))
    before = controller.compute(60.0, 50.0, 0.1)
    assert math.isclose(controller.compute(60.0, 50.0, 0.1), before + 0.3 * 10.0 * 0.1)


@pytest.mark.parametrize(("by", "kp"), [("setpoint", 60.0), ("measured", 50.0)])
def test_they_may_go_by_the_setpoint_or_by_what_is_measured(by, kp):
    plan = ScheduledPlan(by, ((0.0, PidPlan(kp=0.0)), (100.0, PidPlan(kp=100.0))))
    controller = Scheduled(plan, Signal(0, "d", "u", "%", Access.WRITE), lambda _: math.nan)
    assert controller.compute(60.0, 50.0, 0.1) == kp * 10.0
