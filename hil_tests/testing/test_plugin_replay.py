"""A test that passed passes again in its replay, whatever decided its end."""

from __future__ import annotations

from pathlib import Path

from .suites import Suite

ENDS = """
from testbed.testing import expect, loop_budget

async def test_ends_with_the_sample_that_decides(bench, faults):
    async with faults.unplugged("probe"):
        await expect(bench.probe.temperature).to_become_bad(within="5 s")
    await expect(bench.probe.temperature).to_become_good(within="10 s")

async def test_ends_with_a_change(bench):
    await expect(bench.fan.speed).to_change(by=5, within="5 s")

def test_is_not_async(bench):
    assert bench.probe.temperature.value > 0

@loop_budget(p99="5 ms")
async def test_has_a_loop_that_had_nothing_to_do(bench):
    await bench.sleep("5 s")
"""


def test_a_replay_has_the_last_sample_too_and_knows_where_a_test_without_await_began(tmp_path: Path) -> None:
    suite = Suite(tmp_path, ENDS)
    for mode in ("virtual", "replay"):
        done = suite.run(hil=mode)
        assert done.stdout.splitlines()[-1].startswith("4 passed"), done.stdout
    for name in ("test_ends_with_the_sample_that_decides", "test_ends_with_a_change"):
        recorded, replayed = suite.meta(name), suite.meta(name, "sessions/replay")
        assert replayed["expectations"][-1] == recorded["expectations"][-1]


def test_all_loops_with_nothing_to_do_keep_no_budget(tmp_path: Path) -> None:
    suite = Suite(
        tmp_path,
        "from testbed.testing import loop_budget\n@loop_budget(p99='5 ms')\nasync def test_it(bench): pass\n",
    )
    done = suite.run()
    assert "nothing to judge" in done.stdout, done.stdout
