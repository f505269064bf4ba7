"""The pytest plugin: where tests run, what becomes of them, and what is kept of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testbed.bench import load_bench

from .suites import Suite

NOBODY_THERE = """
bench: lonely
devices:
  probe: {profile: scpi/thermometer, wire: "serial:///dev/serial/by-id/nobody?baud=115200"}
"""

OUTCOMES = """
import asyncio, threading, time, pytest
from testbed.testing import expect, loop_budget, needs, on_bench, verifies, CommandNotDone

@pytest.fixture
async def warm(bench):
    await expect(bench.chamber.temperature).to_reach(at_least=40, within="60 s")
    yield "warm"
    await bench.chamber.setpoint.set(20)

async def test_async_fixtures_run_in_the_time_of_the_bench(warm, bench):
    assert warm == "warm" and bench.chamber.temperature.value >= 40

class TestInAClass:
    async def test_method(self, bench, device, session, twin):
        assert device("probe") is bench.probe
        assert session.mode == "virtual" and session.path.exists() and session.seed == 7
        session.note("here")
        begun = session.now()
        await bench.sleep("1 min")
        assert session.now() - begun == 60_000_000_000
        await expect(twin("chamber")).to_agree(sigma=3, during="30 s")

def test_sync(bench):
    assert bench.probe.temperature.value > 0

async def test_in_real_time_without_a_bench():
    await asyncio.sleep(0.01)

async def test_failing(bench):
    await expect(bench.chamber.temperature).to_stay_below(10, during="1 s")

async def test_soft_failures_are_all_told(bench):
    await expect.soft(bench.chamber.temperature).to_stay_below(10, during="1 s")
    await expect.soft(bench.fan.speed).not_.to_stay_good(during="1 s")
    await expect.soft(bench.fan.speed).to_stay_good(during="1 s")

async def test_nobody_awaits(bench):
    expect(bench.fan.speed).to_stay_good(during="1 s")

async def test_without_end(bench):
    await expect(bench.fan.speed).to_stay_good()

async def test_unit(bench):
    await expect(bench.fan.speed).to_reach(at_least="3 bar", within="1 s")

async def test_a_block_is_judged_to_its_end(bench):
    async with expect(bench.fan.speed).to_stay_good():
        await bench.sleep("2 s")

async def test_commands_are_judged(bench):
    command = await bench.chamber.setpoint.set(55)
    expect(command).to_be_acknowledged(within="1 s")
    with pytest.raises(CommandNotDone) as refused:
        await bench.chamber.setpoint.set(500)
    expect(refused.value.command).to_be_refused("limits")
    expect(refused.value.command).not_.to_be_acknowledged()

@needs("chamber/twin", "fan")
@verifies("REQ-1")
async def test_needs_are_there(bench):
    pass

@needs("probe/twin")
async def test_needs_are_not_there(bench):
    pass

@on_bench("another-rig")
async def test_for_another_bench(bench):
    pass

@loop_budget("hold", "airflow", p99="5 ms")
async def test_budget_kept(bench):
    await bench.sleep("5 s")

@loop_budget(p999="1 us")
async def test_budget_broken(bench):
    await bench.sleep("5 s")

async def test_skipped_inside(bench):
    pytest.skip("not today")

async def test_processes_are_refused_in_virtual_time(bench):
    await asyncio.create_subprocess_exec("true")

async def test_threads_end_the_run_in_virtual_time(bench):
    asyncio.get_running_loop().call_later(1, threading.Thread(target=print).start)
    await expect(bench["chamber"].temperature).to_stay_below(90, during="20 s")
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, dict[str, str], str]:
    suite = Suite(tmp_path_factory.mktemp("outcomes"), OUTCOMES)
    # The bench lies in another project, and pytest takes that one for the root.
    done = suite.run("test_suite.py", "--seed", "7", "--hil-report", "report.json", "--junitxml", "junit.xml")
    import json

    told = json.loads((suite.folder / "report.json").read_text())["tests"]
    return suite, {each["name"].rpartition("::")[2]: each["outcome"] for each in told}, done.stdout


def test_what_becomes_of_tests(ran: tuple[Suite, dict[str, str], str]) -> None:
    _, outcomes, printed = ran
    failing = {
        "test_failing",
        "test_soft_failures_are_all_told",
        "test_nobody_awaits",
        "test_without_end",
        "test_unit",
        "test_budget_broken",
        "test_processes_are_refused_in_virtual_time",
        "test_threads_end_the_run_in_virtual_time",
    }
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == failing, printed
    assert outcomes["test_needs_are_not_there"] == "blocked"
    assert outcomes["test_for_another_bench"] == outcomes["test_skipped_inside"] == "skipped"
    assert printed.splitlines()[-1].startswith("8 failed, 8 passed, 2 skipped, 1 error, 1 blocked"), printed


def test_failures_are_told_for_a_stranger_and_without_our_insides(
    ran: tuple[Suite, dict[str, str], str],
) -> None:
    _, _, printed = ran
    assert "chamber.temperature stays below 10 degC for 1 s" in printed
    assert (
        "look       testbed why sessions/test_suite.test_failing.session chamber.temperature@2000-01-01T"
        in printed
    )
    assert "nobody waited for what was expected: fan.speed stays good for 1 s" in printed
    assert "nothing says for how long" in printed
    assert "'3 bar' does not fit: expected rpm" in printed
    assert (
        "the process true would stop or break virtual time" in printed
        or "would break virtual time" in printed
    )
    assert "the bench broke off: a thread (" in printed
    assert "the direct cause" not in printed
    assert "it needs probe/twin, which the bench thermal-rig has not" in printed
    assert "watching.py" not in printed
    assert "expecting.py:" not in printed


def test_each_test_has_a_session_that_says_what_came_of_it(ran: tuple[Suite, dict[str, str], str]) -> None:
    suite, _, _ = ran
    meta = suite.meta("TestInAClass.test_method")
    assert meta["verdict"] == "passed"
    assert meta["mode"] == "virtual"
    assert meta["seed"] == 7
    assert meta["test"]["name"] == "test_suite.py::TestInAClass::test_method"
    assert "agrees with its twin" in meta["expectations"][-1]["text"]
    with suite.session("TestInAClass.test_method") as session:
        told = [(each.kind, each.text) for each in session.events() if each.source == "test"]
    assert [kind for kind, _ in told] == ["begin", "note", "end"]
    failed = suite.meta("test_failing")
    assert failed["verdict"] == failed["test"]["outcome"] == "failed"
    assert failed["test"]["message"].startswith("chamber.temperature stays below 10 degC for 1 s")
    assert failed["expectations"][-1]["margin"] < 0
    assert suite.meta("test_needs_are_there")["test"]["requirements"] == ["REQ-1"]
    assert suite.meta("test_skipped_inside")["verdict"] == "skipped"
    assert [
        each["verdict"] for each in suite.meta("test_soft_failures_are_all_told")["expectations"][-3:]
    ] == [
        "failed",
        "failed",
        "passed",
    ]


def test_junit_knows_the_session_and_why_a_test_was_blocked(ran: tuple[Suite, dict[str, str], str]) -> None:
    suite, _, _ = ran
    properties = suite.junit()
    assert properties["test_failing"]["session"] == "sessions/test_suite.test_failing.session"
    assert "probe/twin" in properties["test_needs_are_not_there"]["blocked"]


MODES = """
from testbed.testing import expect

async def test_unplugged(bench, faults, session):
    await bench.chamber.setpoint.set(50, "degC")
    await expect(bench.probe.temperature).to_reach(at_least=30, within="30 s")
    await faults.unplug("probe")
    await expect(bench.probe.temperature).to_become_bad(within="5 s")
    await faults.plug("probe")
    await expect(bench.probe.temperature).to_become_good(within="10 s")
    await expect(session).to_tell_no("offline", during="1 s")
    await expect(bench.fan.speed).to_stay_between(1000, 2000, during="2 s")
"""


@pytest.mark.parametrize("first", ["virtual", "emulated"])
def test_the_same_test_runs_in_every_mode_and_is_replayed_from_its_recording(
    tmp_path: Path, first: str
) -> None:
    suite = Suite(tmp_path, MODES)
    done = suite.run(hil=first)
    assert done.returncode == 0, done.stdout
    done = suite.run(hil="replay")
    assert done.returncode == 0, done.stdout
    recorded, replayed = suite.meta("test_unplugged"), suite.meta("test_unplugged", "sessions/replay")
    assert replayed["mode"] == "replay"
    assert recorded["expectations"][-1]["verdict"] == replayed["expectations"][-1]["verdict"] == "passed"
    if first == "virtual":  # to the last digit: what the test saw is what it sees again
        assert replayed["expectations"] == recorded["expectations"]


def test_a_replay_judges_what_the_test_expects_today(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "async def test_it(bench):\n    await bench.sleep('5 s')\n")
    assert suite.outcomes(hil="replay") == {"test_it": "blocked"}
    assert suite.outcomes() == {"test_it": "passed"}
    head = "from testbed.testing import expect\nasync def test_it(bench):\n    "
    suite.write(f"{head}await expect(bench.probe.temperature).to_stay_below(30, during='4 s')\n")
    assert suite.outcomes(hil="replay") == {"test_it": "failed"}
    suite.write(f"{head}await expect(bench.probe.temperature).to_stay_below(90, during='1 min')\n")
    done = suite.run(hil="replay")
    assert "undecided: the run ended before its time was over (the recording ends here)" in done.stdout
    suite.write(f"{head}await bench.chamber.setpoint.set(44)\n")
    assert "the recording does not command chamber.setpoint to 44" in suite.run(hil="replay").stdout


def test_a_device_that_is_not_there_blocks_a_test_and_with_strict_fails_it(tmp_path: Path) -> None:
    bench = tmp_path / "lonely.yaml"
    bench.write_text(NOBODY_THERE)
    assert load_bench(bench, {}).name == "lonely"
    suite = Suite(tmp_path, "async def test_it(bench): pass\ndef test_plain(): pass\n", bench)
    done = suite.run("--hil-patience", "0.5 s", "-p", "no:cacheprovider", hil="real")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed, 1 blocked")
    assert "probe cannot be reached on serial:///dev/serial/by-id/nobody" in done.stdout
    assert suite.meta("test_it")["verdict"] == "blocked"
    strict = suite.run("--hil-patience", "0.5 s", "--hil-strict", hil="real")
    assert strict.returncode == 1
    assert "blocked: probe cannot be reached" in strict.stdout


def test_faults_can_be_forbidden_and_are_out_of_reach_on_a_real_bench(tmp_path: Path) -> None:
    suite = Suite(
        tmp_path, "async def test_it(faults): pass\nasync def test_plant(plant): assert plant['humidity']\n"
    )
    assert suite.outcomes("--hil-faults", "no") == {"test_it": "blocked", "test_plant": "passed"}


REPEATED = """
from testbed.testing import expect, repeat_until_confident
import collections
counts = collections.Counter()

@repeat_until_confident(at_least=0.5)
async def test_always(bench, session):
    counts["always"] += 1
    assert session.seed == counts["always"] - 1

@repeat_until_confident(at_least=0.5, most=40)
def test_mostly():
    counts["mostly"] += 1
    assert counts["mostly"] != 2

@repeat_until_confident(at_least=0.9)
def test_never():
    assert False

def test_after():
    pass
"""


def test_a_test_is_repeated_until_it_is_known_how_often_it_passes(tmp_path: Path) -> None:
    suite = Suite(tmp_path, REPEATED)
    done = suite.run("--junitxml", "junit.xml")
    assert done.returncode == 1
    assert "test_never" in done.stdout
    assert "FAILED test_suite.py::test_mostly" not in done.stdout
    properties = suite.junit()
    assert "runs passed (probability 0.587 to 0.998): reached" in properties["test_mostly"]["repetition"]
    assert "0 of" in properties["test_never"]["repetition"]
    assert len(list((tmp_path / "sessions").glob("*test_always*"))) > 2


AVERAGED = """
from testbed.testing import repeat_until_confident
import itertools
drawn = itertools.cycle([10.0, 10.4, 9.6, 10.1, 9.9])

@repeat_until_confident(mean="rise time", within="500 ms")
async def test_known(bench, measure):
    measure("rise time", next(drawn), "s")

@repeat_until_confident(mean="rise time", within="0.01 s", most=12)
async def test_vague(bench, measure):
    measure("rise time", next(drawn), "s")

@repeat_until_confident(mean="rise time", within="1 s")
async def test_unmeasured(bench):
    pass

@repeat_until_confident(mean="rise time", within="1 V")
async def test_unfitting(bench, measure):
    measure("rise time", 1.0, "s")
"""


def test_a_test_is_repeated_until_the_mean_of_a_measurement_is_known(tmp_path: Path) -> None:
    suite = Suite(tmp_path, AVERAGED)
    done = suite.run("--junitxml", "junit.xml")
    assert done.stdout.splitlines()[-1].startswith("3 failed,"), done.stdout
    told = {name: properties["repetition"] for name, properties in suite.junit().items()}
    assert re.fullmatch(r"rise time: mean 10000 \(.*\) ms after \d+ runs: reached", told["test_known"])
    assert told["test_vague"].endswith("s after 12 runs: undecided")
    assert "a run did not measure it" in told["test_unmeasured"]
    assert "is another quantity" in told["test_unfitting"]
    assert "the mean of rise time is not known well enough" in done.stdout


def test_it_works_with_xdist_and_the_last_failed(tmp_path: Path) -> None:
    text = "".join(
        f"async def test_{number}(bench):\n    await bench.sleep('2 s')\n    assert {number} != 2\n"
        for number in range(4)
    )
    suite = Suite(tmp_path, text)
    done = suite.run("-n", "2", "--junitxml", "junit.xml")
    assert done.stdout.splitlines()[-1].startswith("1 failed, 3 passed"), done.stdout
    assert len(list((tmp_path / "sessions").iterdir())) == 4
    again = suite.run("--lf")
    assert again.stdout.splitlines()[-1].startswith("1 failed"), again.stdout
    assert "deselected" in again.stdout or "1 failed in" in again.stdout


@pytest.mark.parametrize(
    ("suite", "arguments", "message"),
    [
        ("", ["--bench", "none.yaml"], "--bench none.yaml: there is no such file"),
        ("", ["--seed", "-1"], "a seed is 0 or more"),
        ("", ["--hil-patience", "5 V"], "--hil-patience 5 V"),
        ("", ["--hil-limits", "none.csv"], "cannot read none.csv"),
        ("@pytest.mark.needs\ndef test_x(): pass", [], "test_x: needs takes names"),
        ("@pytest.mark.needs(1)\ndef test_x(): pass", [], "needs takes names"),
        ("@pytest.mark.on_bench('a', 'b')\ndef test_x(): pass", [], "on_bench names one bench"),
        ("@pytest.mark.loop_budget\ndef test_x(): pass", [], "loop_budget says no time"),
        ("@pytest.mark.loop_budget(q99='5 ms')\ndef test_x(): pass", [], "q99 is no percentile"),
        ("@pytest.mark.loop_budget(p99='5 V')\ndef test_x(): pass", [], "does not fit"),
        ("@pytest.mark.loop_budget(p99=5)\ndef test_x(): pass", [], "is no time with its unit"),
        ("@pytest.mark.repeat_until_confident(0.9)\ndef test_x(): pass", [], "takes at_least"),
        ("@pytest.mark.repeat_until_confident(mean='x')\ndef test_x(): pass", [], "a mean needs"),
        (
            "@pytest.mark.repeat_until_confident(mean='x', within='0 s')\ndef test_x(): pass",
            [],
            "cannot be known to a width of 0",
        ),
        ("@pytest.mark.repeat_until_confident(at_least=2)\ndef test_x(): pass", [], "can never be shown"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(
    tmp_path: Path, suite: str, arguments: list[str], message: str
) -> None:
    done = Suite(tmp_path, f"import pytest\n{suite}\n").run(*arguments, hil=None)
    assert done.returncode == 4, done.stdout
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_bench_is_asked_for_where_a_test_needs_one(tmp_path: Path) -> None:
    done = Suite(tmp_path, "async def test_it(bench): pass\n").run(hil=None)
    assert "this test runs on a bench, and none is given" in done.stdout
    assert "add: --bench FILE" in done.stdout
