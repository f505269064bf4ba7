"""`pytest --hil-report`: the report of a run, whatever became of its tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import pytest
from testbed.testing import sweep, verifies

pytestmark = verifies("REQ-1")

@verifies("REQ-2")
@sweep(kp=[1, 2.5], where=[pytest])
def test_gain(kp, where):
    assert kp < 2

def test_recorded(record_property):
    record_property("session", {session!r})

def test_blocked(record_property):
    record_property("blocked", "chamber: nobody answers")
    pytest.skip("blocked")

@pytest.mark.skip(reason="not today")
def test_skipped():
    pass

@pytest.fixture
def broken():
    yield
    raise RuntimeError("cannot be put away")

def test_torn_down_badly(broken):
    pass
"""


def run(folder: Path, suite: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a suite of its own in a process of its own."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=60)


def told(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hil_tests.session.recording import whole

    path = tmp_path_factory.mktemp("recorded") / "whole.session"
    path.write_bytes(whole())
    return path


def test_every_outcome_is_told_with_its_session_parameters_and_requirements(tmp_path: Path, recorded: Path):
    (tmp_path / "req.md").write_text("- REQ-1: all\n- REQ-2: gains\n- REQ-3: none\n")
    suite = SUITE.format(session=str(recorded))
    arguments = ["--hil-report", "r.json", "--hil-report", "out/r.html", "--hil-requirements", "req.md"]
    done = run(tmp_path, suite, *arguments, "--junitxml", "junit.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "report: r.json" in done.stdout
    report = told(tmp_path / "r.json")
    tests = {test["name"].partition("::")[2]: test for test in report["tests"]}
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_gain[kp=1-where=pytest]": "passed",
        "test_gain[kp=2.5-where=pytest]": "failed",
        "test_recorded": "passed",
        "test_blocked": "blocked",
        "test_skipped": "skipped",
        "test_torn_down_badly": "failed",
    }
    failed = tests["test_gain[kp=2.5-where=pytest]"]
    assert failed["parameters"] == {"kp": 2.5, "where": "pytest"}
    assert failed["requirements"] == ["REQ-2", "REQ-1"]
    assert failed["message"].startswith("assert 2.5 < 2\n")  # what the page shows of it first
    assert "cannot be put away" in tests["test_torn_down_badly"]["message"]
    assert tests["test_blocked"]["message"].startswith("chamber: nobody answers")
    assert "not today" in tests["test_skipped"]["message"]
    assert tests["test_recorded"]["session"] == str(recorded)
    assert tests["test_recorded"]["expectations"][0]["text"] == "stays below 85 degC"
    assert [each["verdict"] for each in report["requirements"]] == ["failed", "failed", "not tested"]
    assert "stays below 85 degC" in (tmp_path / "out" / "r.html").read_text()
    assert '<property name="requirement" value="REQ-2" />' in (tmp_path / "junit.xml").read_text()


def test_a_session_that_cannot_be_read_is_told_and_the_report_is_written_all_the_same(tmp_path: Path):
    damaged = tmp_path / "damaged.session"
    damaged.write_bytes(b"no session")
    suite = f"def test_it(record_property):\n    record_property('session', {str(damaged)!r})\n"
    done = run(tmp_path, suite, "--hil-report", "r.html")
    assert done.returncode == 0
    assert "report: test_suite.py::test_it: " in done.stdout
    assert (tmp_path / "r.html").exists()


def test_a_test_that_is_run_again_counts_each_time(tmp_path: Path):
    """As the reruns of other plugins do it: the whole protocol, once more, under the same name."""
    (tmp_path / "conftest.py").write_text(
        "from _pytest.runner import runtestprotocol\n"
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    for _ in range(4):\n"
        "        runtestprotocol(item, nextitem=nextitem, log=True)\n"
        "    return True\n"
    )
    suite = "import itertools\nturns = itertools.count()\ndef test_it():\n    assert next(turns) != 2\n"
    run(tmp_path, suite, "--hil-report", "r.json")
    (rate,) = told(tmp_path / "r.json")["rates"]
    assert (rate["passed"], rate["runs"], rate["flaky"]) == (3, 4, True)
    assert 0.19 < rate["low"] < 0.2 < 0.99 < rate["high"] < 1


def test_a_file_that_cannot_be_collected_has_failed(tmp_path: Path):
    done = run(tmp_path, "import nothing_like_it\n", "--hil-report", "r.json")
    assert done.returncode == 2
    report = told(tmp_path / "r.json")
    assert report["verdict"] == "failed"
    assert "nothing_like_it" in report["tests"][0]["message"]


@pytest.mark.parametrize(
    ("suite", "arguments", "message"),
    [
        ("", ["--hil-report", "r.pdf"], "ends neither in .html nor in .json"),
        ("", ["--hil-requirements", "none.md"], "cannot read none.md"),
        (
            "import pytest\n@pytest.mark.verifies\ndef test_x(): pass",
            [],
            "test_x: verifies names no requirement",
        ),
        ("import pytest\n@pytest.mark.verifies(12)\ndef test_x(): pass", [], "12 is no id of a requirement"),
        ("import pytest\n@pytest.mark.verifies(id='R')\ndef test_x(): pass", [], "takes ids only"),
        (
            "from testbed.testing import verifies\n@verifies('REQ-12')\ndef test_x(): pass",
            ["--hil-requirements", "list.md"],
            "verifies 'REQ-12', which the list of requirements has not",
        ),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(
    tmp_path: Path, suite: str, arguments: list[str], message: str
):
    (tmp_path / "list.md").write_text("- REQ-11: something else\n")
    done = run(tmp_path, suite, *arguments)
    assert done.returncode == 4, done.stdout
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
