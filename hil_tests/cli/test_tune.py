"""`testbed tune` makes a loop oscillate, tells gains, and those gains hold the loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil_tests.cli.inside import run_inside
from hil_tests.control.benches import DEVICES, cycles, run_bench
from testbed.session.file import SessionReader

LOOP = """\
loops:
  hold:
    reads: probe.temperature
    writes: chamber.heater_duty
    controller: {pid: {kp: 1}}
    setpoint: 60 degC
    rate: 5 Hz
    stale_after: 1 s
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    file = tmp_path / "bench.yaml"
    file.write_text(DEVICES + LOOP)
    return file


@pytest.fixture
def tune(monkeypatch, capsys, bench, tmp_path):
    def run(*arguments: str | Path):
        session = tmp_path / f"{len(list(tmp_path.iterdir()))}.session"
        return run_inside(
            monkeypatch, capsys, "tune", bench, "hold", "--virtual", "--session", session, *arguments
        )

    return run


def test_the_gains_that_it_tells_hold_the_loop(tune, tmp_path, monkeypatch, capsys):
    picture = tmp_path / "tune.svg"
    done = tune("--json", "--picture", picture)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["failure"] == ""
    assert told["response"]["gain"] > 0
    assert picture.read_text().count("<polyline") == 3
    gains = told["rules"]["tyreus-luyben PI"]
    (tmp_path / "tuned").mkdir()
    tuned = LOOP.replace("{kp: 1}", f"{{kp: {gains['kp']}, ki: {gains['ki']}}}")
    settled = [
        each.measured for at, each in cycles(run_bench(tmp_path / "tuned", tuned, 60), "hold") if at > 50
    ]
    assert max(abs(each - 60) for each in settled) < 0.5
    with SessionReader(Path(told["session"])) as session:
        heater = session.signal("chamber.heater_duty").id
        given = [each.value for each in session.commands() if each.signal == heater]
    assert all(0 <= value <= 100 for value in given)
    again = run_inside(monkeypatch, capsys, "replay", told["session"], "--virtual", "--json")
    assert (again.returncode, json.loads(again.stdout)["verdict"]) == (0, "same"), (
        "the recording tells it all"
    )
    assert given[-1] == 0, "it ends in the safe value"


def test_people_get_a_table_of_rules_as_a_bench_file_has_them(tune):
    done = tune()
    assert "ultimate gain" in done.stdout
    assert "tyreus-luyben PI " in done.stdout
    assert "{pid: {kp: " in done.stdout


def test_the_experiment_ends_at_the_limits_that_it_is_given(tune):
    done = tune("--within", "20 degC", "50 degC")
    assert done.returncode == 1
    assert "beyond 50, the limit of the experiment" in done.stdout


def test_without_an_answer_in_time_there_are_no_gains(tune):
    done = tune("--for", "5s", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["rules"] == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--setpoint", "9 m"], "--setpoint 9 m: '9 m' does not fit"),
        (["--step", "200 %"], "a step is above 0"),
        (["--within", "50 degC", "20 degC"], "the lower limit comes first"),
        (["--for", "soon"], "--for soon"),
        (["--emulate", "all"], "--virtual emulates every device"),
    ],
)
def test_what_is_asked_wrongly_is_told(tune, arguments, told):
    done = tune(*arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_loop_that_is_not_there_is_told_with_those_that_are(monkeypatch, capsys, bench):
    done = run_inside(monkeypatch, capsys, "tune", bench, "hodl", "--virtual")
    assert done.returncode == 2
    assert "did you mean 'hold'?" in done.stderr
