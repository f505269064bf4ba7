"""Every family of expectations, failing, so that docs/expectations.md can show what it says then.

tools/write-expectations-page runs this file on the demo bench in virtual time. Docstrings are what the page
tells of a family; the name of a test is its heading.
"""

from __future__ import annotations

from testbed.testing import expect


async def test_value(bench):
    """It has a value, give or take a tolerance: now, or at some moment `within` a time."""
    await expect(bench["probe"].temperature).to_be(60, tolerance="0.5 K")


async def test_reaching(bench):
    """It comes to `at_least`, `at_most` or a value (with a `tolerance`) within a time."""
    await expect(bench["fan"].speed).to_reach(at_least="3000 rpm", within="5 s")


async def test_range(bench):
    """It stays below, above, between two values, or at one: `during` a time, or for an `async with` block."""
    await expect(bench["chamber"].temperature).to_stay_below("50 degC", during="60 s")


async def test_settling(bench):
    """It comes to a value within a time and stays there `for_` a time (by default a tenth of the former)."""
    await expect(bench["probe"].temperature).to_settle(60, within="8 s", tolerance="0.05 K", for_="5 s")


async def test_overshoot(bench):
    """It goes past its target, on the side away from where it began, by at most so much."""
    await bench["chamber"].setpoint.set(60, "degC")
    await expect(bench["chamber"].temperature).to_overshoot(60, at_most="0.1 K", during="30 s")


async def test_rise_time(bench):
    """It goes from one value to another, up or down, `in_` at most a time."""
    await expect(bench["probe"].temperature).to_rise(30, 55, in_="3 s", within="60 s")


async def test_rate(bench):
    """It changes by at most so much a second: from sample to sample, or averaged `over` a time."""
    await expect(bench["probe"].temperature).to_change_slowly("2 K/s", over="1 s", during="20 s")


async def test_change(bench):
    """It comes to differ by so much: around a block that causes the change, or awaited."""
    async with expect(bench["vent"].position).to_change(by=90, within="2 uplinks"):
        await bench["chamber"].setpoint.set(59, "degC")


async def test_stability(bench):
    """Its means over stretches of a time differ little from one to the next (Allan deviation)."""
    await expect(bench["probe"].temperature).to_be_stable(within="0.1 K", over="1 s", during="20 s")


async def test_correlation(bench):
    """It moves as another signal does (Pearson's correlation)."""
    await expect(bench["air"].humidity).to_follow(bench["air"].temperature, at_least=0.9, during="30 s")


async def test_quality(bench, faults):
    """Every sample is good; or one becomes good, or bad."""
    async with faults.unplugged("probe"):
        await expect(bench["probe"].temperature).to_stay_good(during="10 s")


async def test_bad_samples_satisfy_nothing(bench, faults):
    """While a signal is not good nothing is true of it, whatever value was last heard."""
    await bench.sleep("30 s")
    async with faults.unplugged("probe"):
        await expect(bench["probe"].temperature).to_stay_between(0, 100, during="10 s")


async def test_events_in_order(session, faults):
    """Events come in an order; others may come between."""
    async with faults.unplugged("fan"):
        await expect(session).to_tell("offline", "online", of="fan", within="5 s")


async def test_no_event(session, faults):
    """Events of a kind do not come."""
    async with expect(session).to_tell_no("offline", "stale"):
        await faults.unplug("fan")


async def test_command_outcome(bench):
    """A command was acknowledged, within a time, or refused."""
    command = await bench["vent"].opening.set(40, "%")
    expect(command).to_be_acknowledged(within="100 ms")


async def test_timing_budget(session):
    """A share of a loop's cycles acts within a time of the sample's arrival."""
    await expect(session.loop("dry")).to_act_within("50 ms", share=0.99, during="60 s")


async def test_twin(bench, plant):
    """What is measured is where the twin predicts it, within so many standard deviations of the noise."""
    await bench.sleep("40 s")
    plant.set("door_open", 1)
    await expect(bench["chamber"].temperature).to_agree_with_twin(sigma=3, during="20 s")


async def test_formula(bench):
    """A formula of signal temporal logic holds; its margin is how robustly."""
    formula = "eventually[0:20 s](temperature > 55 and always[0:5 s](abs(temperature - 60) < 0.02))"
    await expect(bench["probe"].temperature).to_satisfy(formula)


async def test_contrary(bench):
    """`.not_` turns any of them into its contrary."""
    await expect(bench["fan"].speed).not_.to_reach(at_least=1000, within="10 s")


async def test_soft(bench):
    """`expect.soft` lets the test go on; what did not hold is told at its end, all of it."""
    await expect.soft(bench["fan"].speed).to_reach(at_least=3000, within="2 s")
    await expect.soft(bench["probe"].temperature).to_stay_below(30, during="2 s")
    await expect(bench["air"].humidity).to_stay_good(during="2 s")


async def test_measurements(measure):
    """Numbers that a test takes keep their limits; one outside fails the test at its end."""
    measure("rise time", 16.4, "s", between=(8, 15))
    measure("supply current", 0.42, "A", at_most=0.5)
