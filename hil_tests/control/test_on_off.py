"""The on-off controller switches at the edges of its band, and never sooner than its actuator bears."""

from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import OnOffPlan
from testbed.control.controllers import OnOff
from testbed.signals import Access, Signal

HEATER = Signal(0, "d", "u", "%", Access.WRITE, limits=(0, 100), safe=0.0)
HEATING = OnOffPlan(on=80.0, off=5.0, hysteresis=2.0)


def outputs(plan: OnOffPlan, *measured: float, dt: float = 1.0) -> list[float]:
    controller = OnOff(plan, HEATER)
    return [controller.compute(60.0, value, dt) for value in measured]


def test_it_goes_on_below_the_band_and_off_above_it_and_stays_as_it_is_inside():
    assert outputs(HEATING, 60.5, 59.5, 58.9, 59.5, 60.9, 61.1, 60.0) == [5, 5, 80, 80, 80, 5, 5]


def test_a_cooler_works_the_other_way():
    cooling = OnOffPlan(on=80.0, off=5.0, hysteresis=2.0, above=True)
    assert outputs(cooling, 60.5, 61.1, 59.5, 58.9) == [5, 80, 80, 5]


def test_it_stays_on_and_off_as_long_as_it_must_and_counts_from_its_start():
    plan = OnOffPlan(on=80.0, off=5.0, hysteresis=2.0, min_on=3.0, min_off=2.0)
    assert outputs(plan, 50, 50, 70, 70, 70, 50, 50) == [5, 80, 80, 80, 5, 5, 80]


def test_it_goes_on_from_what_the_actuator_was_told():
    controller = OnOff(HEATING, HEATER)
    controller.reset(80.0)
    assert controller.compute(60.0, 60.5, 1.0) == 80.0
    controller.reset(10.0)
    assert controller.compute(60.0, 60.5, 1.0) == 5.0


def test_what_the_guard_held_was_not_switched():
    plan = OnOffPlan(on=80.0, off=5.0, hysteresis=2.0, min_off=2.0)
    controller = OnOff(plan, HEATER)
    controller.compute(60.0, 50.0, 2.0)
    controller.applied(5.0)
    assert not controller.on
    assert controller.compute(60.0, 50.0, 0.1) == 80.0  # at once: it has been off for long enough


@given(
    st.lists(st.floats(0, 120), min_size=1, max_size=80), st.floats(0, 5), st.floats(0, 5), st.floats(0.1, 2)
)
def test_no_two_switches_are_closer_than_the_least_times(measured, min_on, min_off, dt):
    plan = OnOffPlan(on=80.0, off=5.0, hysteresis=2.0, min_on=min_on, min_off=min_off)
    given = outputs(plan, *measured, dt=dt)
    lasted = 0.0
    for before, output in zip([5.0, *given], given, strict=False):
        lasted += dt
        if output != before:
            assert lasted >= (min_on if before == 80.0 else min_off) - 1e-9
            lasted = 0.0
