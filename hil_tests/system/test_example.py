"""The demo bench as a product's specification; copy it, and put your own bench in place of it.

pytest hil_tests/system/test_example.py --bench benches/thermal-rig.yaml --hil virtual
"""

from __future__ import annotations

from testbed.testing import expect


async def test_chamber_holds_sixty_degrees(bench):
    await bench["chamber"].setpoint.set(60, "degC")
    await expect(bench["probe"].temperature).to_settle(60, within="90 s", tolerance="0.5 K", for_="20 s")
    await expect(bench["chamber"].temperature).to_stay_below(62, during="60 s")
    await expect(bench["fan"].speed).to_reach(at_least=1200, within="5 s")
    async with expect(bench["vent"].opening).to_change(by=10, within="1 uplink"):
        await bench["vent"].opening.set(90, "%")
