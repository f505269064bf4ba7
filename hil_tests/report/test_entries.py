"""What is told of sessions and tests in words, JSON and XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil_tests.system.processes import testbed
from testbed.session.file.store import Store
from testbed.session.report import Entry, Report, entry_of, write_junit
from testbed.session.results import ExpectationVerdict, Judgement, Measurement, TestOutcome, TestResult

from .conftest import TOO_MUCH

HOLDS = Judgement("it holds", ExpectationVerdict.PASSED, 4.0, "degC", "", "a.b", None, 80.0)
SETTLES = Judgement("it settles", ExpectationVerdict.PASSED, 0.5, "degC", "", "a.b", 59.0, 61.0)


def session(path: Path, **meta: object) -> Path:
    store = Store(path)
    store.create([], {"started_ns": 10**9}, {})
    store.finish({"ended_ns": 3 * 10**9, **meta})
    store.close()
    return path


def test_a_plain_run_is_an_entry_by_itself(passed: Path, failed: Path):
    fine, slow = entry_of(passed), entry_of(failed)
    assert (fine.result.name, fine.result.outcome, fine.failures) == ("fine", TestOutcome.PASSED, [])
    assert slow.result.outcome is TestOutcome.FAILED
    assert slow.failures[0].startswith(f"{TOO_MUCH}: ")


def test_the_session_of_a_test_says_which_test_it_was(tmp_path: Path):
    test = {"name": "test_rig.py::test_holds", "outcome": "blocked", "message": "no chamber", "seconds": 1.5}
    entry = entry_of(session(tmp_path / "a.session", verdict="passed", test=test))
    assert entry.result == TestResult("test_rig.py::test_holds", TestOutcome.BLOCKED, "no chamber", 1.5)


def test_what_a_test_measured_may_stand_in_its_session_alone(tmp_path: Path):
    measured = {"name": "rise time", "value": 12.3, "unit": "s", "low": 8, "high": 15}
    test = {"name": "as recorded", "outcome": "passed", "measurements": [measured]}
    path = session(tmp_path / "a.session", verdict="passed", test=test)
    entry = entry_of(path, TestResult("as pytest says", TestOutcome.FAILED))
    assert (entry.result.name, entry.result.outcome) == ("as pytest says", TestOutcome.FAILED)
    assert entry.result.measurements == [Measurement("rise time", 12.3, "s", 8, 15)]


def test_a_run_says_why_it_did_not_pass(tmp_path: Path):
    told = {"failures": ["driver of fan failed"], "unsafe": ["heater.duty"], "unreached": ["probe"]}
    entry = entry_of(session(tmp_path / "a.session", verdict="failed", **told))
    assert entry.result.message.splitlines() == [
        "driver of fan failed",
        "heater.duty did not confirm its safe value",
        "probe was never reached",
    ]


def test_a_run_that_never_ended_has_failed(tmp_path: Path):
    entry = entry_of(session(tmp_path / "a.session"))
    assert entry.result.outcome is TestOutcome.FAILED
    assert "has not ended" in entry.result.message


def test_a_recording_of_another_tool_was_not_judged(tmp_path: Path):
    entry = entry_of(session(tmp_path / "a.session", verdict="imported"))
    assert (entry.result.outcome, entry.result.message) == (
        TestOutcome.SKIPPED,
        "nothing was judged: it is imported",
    )


def test_the_nearest_margin_is_that_with_the_least_of_its_band_left():
    entry = Entry(TestResult("test", TestOutcome.PASSED), [HOLDS, SETTLES])
    assert [(margin.what, margin.share) for margin in entry.margins] == [
        ("it holds", 0.05),
        ("it settles", 0.5),
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "margin", "passed"),
    [
        (12.0, 8, 15, 3.0, True),
        (8.0, 8, 15, 0.0, True),
        (7.0, 8, None, -1.0, False),
        (7.0, None, None, None, True),
        (float("nan"), 8, 15, None, False),
    ],
)
def test_a_measurement_keeps_its_limits_or_not(value, low, high, margin, passed):
    found = Measurement("rise time", value, "s", low, high)
    assert (found.margin, found.passed) == (margin, passed)


def test_junit_has_an_element_for_each_outcome_and_properties_for_what_was_measured(tmp_path: Path):
    failed = TestResult(
        "hil_tests/test_rig.py::TestRig::test_x[1]",
        TestOutcome.FAILED,
        "bell \a",
        measurements=[Measurement("rise time", 2.5, "s", None, 2.0)],
        requirements=["REQ-1"],
        parameters={"kp": 1},
    )
    others = [TestResult(outcome.value, outcome) for outcome in TestOutcome]
    file = tmp_path / "new" / "junit.xml"
    entries = [Entry(failed, [HOLDS]), *map(Entry, others)]
    write_junit(Report("run", entries), file)
    suite = ElementTree.parse(file).getroot()[0]  # noqa: S314  (ours)
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "2", "errors": "1", "skipped": "1",
    }  # fmt: skip
    case = suite[0]
    assert (case.get("classname"), case.get("name")) == ("hil_tests.test_rig.TestRig", "test_x[1]")
    assert {each.get("name"): each.get("value") for each in case.iter("property")} == {
        "requirement": "REQ-1",
        "parameter kp": "1",
        "rise time": "2.5 s",
        "margin of rise time": "-0.5 s",
        "margin of it holds": "4.0 degC",
    }
    assert case.find("failure").text == "rise time = 2.5 s\nbell \N{REPLACEMENT CHARACTER}"


def test_the_command_writes_what_is_asked_for(passed: Path, failed: Path, tmp_path: Path):
    page, junit, listed = tmp_path / "out" / "r.html", tmp_path / "r.xml", tmp_path / "req.md"
    listed.write_text("- REQ-1: It holds\n")
    done = testbed("report", passed, failed, "-o", page, "--junit", junit, "--requirements", listed, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["verdict"], told["counts"]["passed"], told["counts"]["failed"]) == ("failed", 1, 1)
    assert told["requirements"][0]["verdict"] == "not tested"
    assert page.read_text().startswith("<!doctype html>")
    assert junit.read_text().count("<testcase") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["SESSION"], 2, "nothing says where the report goes"),
        (["nothing-like-it", "-o", "r.html"], 2, "there is no session 'nothing-like-it'"),
        (["SESSION", "-o", "SESSION/r.html"], 2, "cannot write"),
        (["SESSION", "--junit", "SESSION/r.xml"], 2, "cannot write"),
        (["SESSION", "--requirements", "none.md", "-o", "r.html"], 2, "cannot read none.md"),
        (["DAMAGED", "-o", "r.html"], 3, "damaged"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    arguments: list[str], code: int, told: str, passed: Path, tmp_path: Path
):
    damaged = tmp_path / "damaged.session"
    data = bytearray(passed.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    damaged.write_bytes(data)
    given = [each.replace("SESSION", str(passed)).replace("DAMAGED", str(damaged)) for each in arguments]
    done = testbed("report", *given, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
