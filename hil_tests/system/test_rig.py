"""What the demo bench promises, as tests of it: the product's specification, and examples to copy.

pytest hil_tests/system/test_rig.py --bench benches/thermal-rig.yaml --hil virtual (or emulated, or replay)
"""

from __future__ import annotations

import pytest

from testbed.testing import CommandNotDone, expect, loop_budget, needs, sweep, verifies


@verifies("RIG-1")
async def test_the_chamber_settles_without_overshooting(bench, measure, session):
    began = session.now()
    await expect(bench.probe.temperature).to_reach(at_least=59, within="25 s")
    measure("rise time", (session.now() - began) / 1e9, "s", at_most=20)
    await expect.soft(bench.probe.temperature).to_overshoot(60, at_most="1 K", during="20 s")
    await expect(bench.probe.temperature).to_settle(60, within="30 s", tolerance="0.5 K", for_="20 s")


@verifies("RIG-1")
@sweep(opening=[20, 60, 100])
async def test_it_holds_its_temperature_however_far_the_vent_is_open(bench, opening):
    await bench.vent.opening.set(opening, "%")
    await expect(bench.probe.temperature).to_settle(60, within="60 s", tolerance="0.5 K", for_="10 s")


@verifies("RIG-2")
@needs("fan")
@loop_budget("airflow", p99="100 ms")
async def test_the_fan_keeps_its_speed(bench):
    await expect(bench.fan.speed).to_settle(1500, within="10 s", tolerance="30 rpm", for_="5 s")


@verifies("RIG-3")
async def test_a_pulled_cable_is_told_at_once_and_mends_itself(bench, faults):
    async with faults.unplugged("probe"):
        await expect(bench.probe.temperature).to_become_bad(within="2 s")
        await expect(bench.chamber.heater_duty).to_reach(at_most=0, within="3 s")  # the loop goes safe
    await expect(bench.probe.temperature).to_become_good(within="10 s")
    await expect(bench.probe.temperature).to_settle(60, within="40 s", tolerance="0.5 K", for_="5 s")


@verifies("RIG-4")
async def test_a_command_beyond_its_limits_never_goes_out(bench):
    with pytest.raises(CommandNotDone, match="outside its limits") as refused:
        await bench.chamber.heater_duty.set(120, "%")
    await expect(refused.value.command).to_be_refused("limits")


@verifies("RIG-5")
async def test_the_twin_agrees_with_the_chamber(bench):
    await bench.sleep("30 s")
    await expect(bench.chamber.temperature).to_agree_with_twin(sigma=4, during="30 s")
