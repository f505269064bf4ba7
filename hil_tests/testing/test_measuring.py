"""Measurements: limits from a test or a file, and what earlier sessions say of them."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import UsageError
from testbed.session.results import Measurement
from testbed.testing.limits import read_limits
from testbed.testing.measuring import tell
from testbed.testing.past import cpk, trend

from .suites import Suite

MEASURING = """
async def test_it(bench, measure, session):
    measure("rise time", 12 + session.seed / 100, "s", between=(8, 15))
    measure("current", 420, "mA")
"""


def test_measurements_are_in_the_session_in_junit_and_in_the_output_with_what_came_before(
    tmp_path: Path,
) -> None:
    suite = Suite(tmp_path, MEASURING)
    for seed in range(6):
        done = suite.run("--seed", str(seed), "--junitxml", "junit.xml")
        assert done.returncode == 0, done.stdout
    history = "6 runs: mean 12.025 s, Cpk 53.01, drifting by +0.01 s a run"
    told = f"12.05 s (between 8 and 15 s), margin 2.95 s; {history}"
    assert f"test_suite.py::test_it  rise time = {told}" in done.stdout
    assert suite.junit()["test_it"]["measurement rise time"] == told
    assert suite.meta("test_it_6")["test"]["measurements"] == [
        {"name": "rise time", "value": 12.05, "unit": "s", "low": 8, "high": 15},
        {"name": "current", "value": 420.0, "unit": "mA", "low": None, "high": None},
    ]


def test_limits_of_a_file_go_before_those_of_the_test_and_are_converted(tmp_path: Path) -> None:
    (tmp_path / "limits.csv").write_text("name,low,high,unit\nrise time,,11,s\ncurrent,0.1,0.4,A\n")
    suite = Suite(tmp_path, MEASURING)
    done = suite.run("--hil-limits", "limits.csv")
    assert done.returncode == 1
    assert "measured rise time = 12 s (at most 11 s), margin -1 s" in done.stdout
    assert "measured current = 420 mA (between 100 and 400 mA), margin -20 mA" in done.stdout
    assert suite.meta("test_it")["verdict"] == "failed"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,low,high,unit\nrise time, 8, 15, s\nripple,,20,mV\n"),
        ("a.csv", "\ufeffunit,high,low,name\ns,15,8,rise time\nmV,20,,ripple\n"),
        ("a.yaml", "rise time: {low: 8, high: 15, unit: s}\nripple: {high: 20, unit: mV}\n"),
    ],
)
def test_limits_are_read_from_csv_and_yaml(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    limits = read_limits(tmp_path / name)
    assert limits.of("rise time", "ms") == (8000, 15000)
    assert limits.of("ripple", "V") == (None, pytest.approx(0.02))
    assert limits.of("unknown", "V") is None
    with pytest.raises(UsageError, match="rise time is measured in V"):
        limits.of("rise time", "V")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "name,min,max\nx,1,2\n", "has no columns name, low and high"),
        ("a.csv", "name,low,high\nx,1,two\n", r"a.csv:2: 'two' is no number"),
        ("a.csv", "name,low,high\nx,,\n", "x has neither a low nor a high limit"),
        ("a.csv", "name,low,high\nx,2,1\n", "nothing is between 2 and 1"),
        ("a.csv", "name,low,high\nx,nan,1\n", "'nan' is no limit"),
        ("a.csv", "name,low,high\n,1,2\n", "limits without a name"),
        ("a.csv", "name,low,high\nx,1,2\nx,1,3\n", r"a.csv:3: x has limits already at .*a.csv:2"),
        ("a.csv", "name,low,high\nx,1,2,3,4\n", "has more cells than columns"),
        ("a.yaml", "- x\n", "is no list of names"),
        ("a.yaml", "x: {lower: 1}\n", "takes low, high and unit"),
        ("a.yaml", "x: {low: true}\n", "True is no limit"),
        ("a.yaml", "x: [", "no YAML"),
        ("a.txt", "", "are read from .csv and .yaml"),
    ],
)
def test_limits_that_cannot_be_read_are_told_by_their_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_limits(tmp_path / name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('measure("a", 1, between=(2, 1))', "nothing is between 2 and 1"),
        ('measure("a", 1, between=(0, 1), at_most=3)', "its limits are given twice"),
        ('measure("a", 1, at_most=float("nan"))', "a limit of nan is none"),
        ('measure("a", "x")', "a: 'x' is no number"),
        ('measure("a", 1), measure("a", 2)', "'a' is measured already in this test"),
    ],
)
def test_wrong_use_is_told(call: str, message: str) -> None:
    from testbed.testing.measuring import Measure

    scene, config = SimpleNamespace(measurements=[]), SimpleNamespace(stash={}, getoption=lambda name: None)
    measure = Measure(scene, config)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message):
        eval(call, {"measure": measure})  # noqa: S307


def test_one_that_is_no_number_keeps_no_limits() -> None:
    measurement = Measurement("x", math.nan, "s", 1, 2)
    assert not measurement.passed
    assert tell(measurement) == "nan s (between 1 and 2 s)"


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_cpk_is_what_its_definition_says(values: list[float]) -> None:
    import statistics

    deviation = statistics.stdev(values)
    found = cpk(values, -2e3, 2e3)
    if deviation == 0:
        assert found is None
    else:
        mean = statistics.fmean(values)
        assert found == pytest.approx(min((2e3 - mean) / (3 * deviation), (mean + 2e3) / (3 * deviation)))
    assert cpk(values, None, None) is None


def test_a_trend_is_told_only_when_it_is_sure() -> None:
    assert trend([1, 2, 3, 4]) is None
    assert trend([1, 2, 3, 4, 5.5]) == pytest.approx(1.1)
    assert trend([1, 5, 2, 4, 3, 1, 5]) is None
    assert trend([2] * 9) is None
