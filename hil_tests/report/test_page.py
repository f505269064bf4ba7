"""The page of a run: whole in one file, verdict first, and drawn by a real browser."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hil_tests.session.recording import whole
from hil_tests.support.browser import title_in_browser
from testbed.errors import DamagedInput
from testbed.session.file.store import Store
from testbed.session.report import Entry, Report, Requirement, entry_of, html, write_html
from testbed.session.results import ExpectationVerdict, Judgement, Measurement, TestOutcome, TestResult

from .conftest import TOO_MUCH

EVIL = "</script><script>document.title='owned'</script><img src=x>"
MEASURED = [Measurement("rise time", 12.3, "s", 8, 15), Measurement("overshoot", 3.0, "K", None, 2.0)]


def result(name: str, outcome: TestOutcome = TestOutcome.PASSED, **more: Any) -> TestResult:
    return TestResult(name, outcome, **more)


@pytest.fixture
def report(passed: Path, failed: Path) -> Report:
    slow = result(
        "hil_tests/test_rig.py::test_slow", TestOutcome.FAILED, measurements=MEASURED, requirements=["REQ-1"]
    )
    swept = [
        Entry(result(f"test_gain[kp={kp}]", parameters={"kp": kp}, requirements=["REQ-2"])) for kp in (10, 20)
    ]
    again = [Entry(result("test_again", outcome)) for outcome in (TestOutcome.PASSED, TestOutcome.FAILED)]
    listed = [
        Requirement("REQ-1", "It settles"),
        Requirement("REQ-2", "Any gain"),
        Requirement("REQ-3", "It ends"),
    ]
    return Report("night run", [entry_of(failed, slow), entry_of(passed), *swept, *again], listed)


def data_of(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    )
    return found


def curve_of(chart: dict[str, Any], label: str) -> tuple[np.ndarray, np.ndarray]:
    (line,) = [line for line in chart["lines"] if line["label"] == label]
    times = np.frombuffer(base64.b64decode(line["curve"]["t"]), "<f8")
    return times, np.frombuffer(base64.b64decode(line["curve"]["v"]), "<f4")


def test_the_page_needs_nothing_from_elsewhere(report: Report):
    page = html(report)
    assert "default-src 'none'" in page
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    assert "{{" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_page_holds_all_that_was_recorded(report: Report):
    data = data_of(html(report))
    assert (data["verdict"], data["counts"]["failed"], data["counts"]["passed"]) == ("failed", 2, 4)
    run = data["tests"][0]["run"]
    charts = {chart["name"]: chart for chart in run["charts"]}
    assert {line["label"] for line in charts["probe.temperature"]["lines"]} == {
        "temperature",
        "twin",
        "setpoint",
    }
    assert {line["label"] for line in charts["chamber.temperature"]["lines"]} == {"temperature", "twin"}
    assert charts["chamber.heater_duty"]["commands"]
    assert charts["chamber.heater_duty"]["limits"] == [0, 100]
    assert "loop hold" in charts
    assert set(run["loops"]) == {"hold", "airflow", "dry"}
    assert run["devices"][1]["identity"] == "HIL-TESTBED,TH-100,0001,1.0"
    assert run["versions"]["numpy"]
    assert TOO_MUCH in run["bench_file"]
    assert any(event["kind"] == "online" for event in run["events"])


def test_what_is_expected_stands_first_and_leads_to_its_bytes(report: Report, failed: Path):
    run = data_of(html(report))["tests"][0]["run"]
    assert run["charts"][0]["name"] == "probe.temperature"
    place = run["places"][0]
    assert place["at"] == pytest.approx(8.0, abs=0.2)
    assert place["why"] == f"testbed why {failed} probe.temperature@+{place['at']:.9f}s"


def test_a_setpoint_is_two_points_however_often_it_was_recorded(report: Report):
    chart = data_of(html(report))["tests"][0]["run"]["charts"][0]
    times, values = curve_of(chart, "setpoint")
    assert list(values) == [60.0, 60.0]
    assert times[1] > 10


def test_where_a_signal_was_not_good_is_told_with_its_reason(tmp_path: Path):
    path = tmp_path / "whole.session"
    path.write_bytes(whole())
    run = data_of(html(Report("rig", [entry_of(path)])))["tests"][0]["run"]
    (chart,) = [chart for chart in run["charts"] if chart["name"] == "probe.temperature"]
    assert [bad[2] for bad in chart["bad"]] == ["bad: offline: pulled"] * 3
    assert [bad[1] is None for bad in chart["bad"]] == [False, False, True]
    assert np.isnan(curve_of(chart, "temperature")[1]).sum() == 3


def test_what_a_device_or_a_test_said_is_never_markup():
    entry = Entry(result(EVIL, TestOutcome.FAILED, message=EVIL, parameters={"kp": EVIL}))
    assert EVIL not in html(Report(EVIL, [entry], [Requirement("REQ-1", EVIL)]))


def test_many_curves_share_what_the_page_may_weigh(passed: Path):
    one, many = (html(Report("run", [entry_of(passed)] * count)) for count in (1, 12))
    assert len(many) < 6_000_000
    longest = max(
        len(curve_of(chart, chart["lines"][0]["label"])[0])
        for chart in data_of(one)["tests"][0]["run"]["charts"]
    )
    assert longest > 1000


def test_a_value_that_is_no_number_can_be_told():
    entry = Entry(result("test", measurements=[Measurement("gain", math.nan, "", 1, 2)]))
    (told,) = data_of(html(Report("run", [entry])))["tests"]
    assert (told["measurements"][0]["value"], told["measurements"][0]["passed"]) == (None, False)


@pytest.mark.needs_system("chromium")
def test_a_browser_shows_the_verdict_first_and_leads_from_a_failure_to_its_place(
    report: Report, tmp_path: Path
):
    probe = Path(__file__).with_name("probe.js").read_text()
    file = tmp_path / "report.html"
    write_html(report, file)
    file.write_text(file.read_text().replace("</body>", f"<script>{probe}</script></body>"))
    found = json.loads(title_in_browser(file, tmp_path / "profile"))
    assert (found["title"], found["verdict"]) == ("night run", "failed")
    assert found["failures"] == ["hil_tests/test_rig.py::test_slow", "test_again"]
    assert found["opened"] == 2  # what passed is folded
    assert found["charts"] == found["drawn"] == found["wanted"] > 30
    assert found["zoomed"] == found["first"] == found["wanted"] // 2  # the other run stays as it was
    assert found["chosen"] == TOO_MUCH
    assert "REQ-3 It ends not tested" in found["matrix"]
    assert "test_again flaky 1 of 2" in found["rates"]
    assert found["sweep"] == ["test_gain"]
    assert "rise time" in found["measured"]


def test_expectations_of_another_version_are_damage_and_not_a_crash(tmp_path: Path):
    path = tmp_path / "odd.session"
    store = Store(path)
    store.create([], {"started_ns": 1}, {})
    store.finish(
        {"ended_ns": 2, "verdict": "passed", "expectations": [{"text": "it holds", "verdict": "perhaps"}]}
    )
    store.close()
    with pytest.raises(DamagedInput, match=r"odd\.session: its results are not as they are written"):
        entry_of(path)


def test_a_judgement_survives_the_session_file(failed: Path):
    found = entry_of(failed).judgements[0]
    assert found.verdict is ExpectationVerdict.FAILED
    assert msgspec.convert(msgspec.to_builtins(found), Judgement) == found
