"""What came of replays, as a verdict, as JUnit XML and as a page: whatever the replay said or did."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.session.cases import (
    Case,
    CaseVerdict,
    Outcome,
    exit_code,
    replay_case,
    write_junit,
    write_page,
)

FIRST = {
    "kind": "sample", "signal": "probe.temperature", "device": "probe", "time_s": 1.25,
    "expected": {"text": "21.5 degC"}, "came": {"text": "21.6 degC"},
}  # fmt: skip
DIVERGED = {
    "verdict": "diverged",
    "first": FIRST,
    "signals": {"probe.temperature": {"a": 3, "max_error": 0.1}},
}


def replaying(folder: Path, script: str) -> tuple[str, ...]:
    """Return a command that takes what `testbed replay` takes and does what the script says."""
    file = folder / "replay.py"
    file.write_text(f"import json, sys, time\n{script}\n")
    return (sys.executable, str(file))


def outcome(folder: Path, script: str, timeout: float = 60.0) -> Outcome:
    session = folder / "a.session"
    session.touch()
    return replay_case(Case("a", session), replaying(folder, script), timeout)


# One case -------------------------------------------------------------------------------------------


def test_a_replay_that_goes_the_same_way_is_the_same(tmp_path):
    found = outcome(tmp_path, """print("talk"); print(json.dumps({"verdict": "same", "first": None}))""")
    assert (found.verdict, found.text, found.told["verdict"]) == (CaseVerdict.SAME, "", "same")


def test_one_that_parts_says_where(tmp_path):
    found = outcome(tmp_path, f"print({json.dumps(DIVERGED)!r}); sys.exit(1)")
    assert found.verdict is CaseVerdict.DIVERGED
    assert found.text == ("sample of probe.temperature at 1.250000 s\nexpected 21.5 degC\ncame     21.6 degC")


@pytest.mark.parametrize(
    ("code", "verdict"), [(3, CaseVerdict.DAMAGED), (2, CaseVerdict.BROKEN), (70, CaseVerdict.BROKEN)]
)
def test_one_that_says_nothing_is_told_by_its_last_words(tmp_path, code, verdict):
    found = outcome(tmp_path, f"sys.stderr.write('testbed: it is so\\n'); sys.exit({code})")
    assert (found.verdict, found.text) == (verdict, "testbed: it is so")


def test_one_that_is_killed_is_told_by_its_exit_code(tmp_path):
    found = outcome(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert (found.verdict, found.text) == (CaseVerdict.BROKEN, "the replay ended with exit code -9")


def test_one_that_never_ends_is_ended(tmp_path):
    found = outcome(tmp_path, "time.sleep(60)", timeout=0.5)
    assert (found.verdict, found.text) == (CaseVerdict.BROKEN, "the replay was not done within 0.5 s")


def test_a_packed_session_is_unpacked_and_its_tolerances_are_handed_on(tmp_path):
    import gzip

    (tmp_path / "a.session.gz").write_bytes(gzip.compress(b"a session"))
    (tmp_path / "a.tolerances.yaml").touch()
    script = "print(json.dumps({'verdict': open(sys.argv[1]).read(), 'arguments': sys.argv[1:]}))"
    case = Case("a", tmp_path / "a.session.gz", tmp_path / "a.tolerances.yaml")
    told = replay_case(case, replaying(tmp_path, script)).told
    assert told["verdict"] == "a session"
    session, *options = told["arguments"]
    assert session.endswith("a.session")
    assert options[:3] == ["--virtual", "--json", "--session"]
    assert options[4:] == ["--tolerances", str(tmp_path / "a.tolerances.yaml")]


def test_a_packed_session_that_is_damaged_is_not_replayed(tmp_path):
    (tmp_path / "a.session.gz").write_bytes(b"?")
    found = replay_case(Case("a", tmp_path / "a.session.gz"), replaying(tmp_path, "sys.exit(0)"))
    assert found.verdict is CaseVerdict.DAMAGED
    assert "is no whole gzip file" in found.text


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["same", "same"], 0),
        (["same", "diverged"], 1),
        (["same", "damaged"], 3),
        (["damaged", "diverged"], 1),
        (["broken"], 1),
    ],
)
def test_the_exit_code_of_many(verdicts, code):
    assert exit_code(Outcome("a", CaseVerdict(verdict), 1.0) for verdict in verdicts) == code


# For CI servers -------------------------------------------------------------------------------------

OUTCOMES = [
    Outcome("fine", CaseVerdict.SAME, 1.5),
    Outcome("heater/overshoot", CaseVerdict.DIVERGED, 2.0, "first <line>\nsecond & last", DIVERGED),
    Outcome("cut", CaseVerdict.DAMAGED, 0.0, "cut off\x00\x1b[31m"),
    Outcome("late", CaseVerdict.BROKEN, 600.0, ""),
]


def parsed(file: Path) -> ElementTree.Element:
    return ElementTree.parse(file).getroot()  # noqa: S314  (we wrote it)


def test_junit_has_a_test_case_for_each_with_failures_and_errors_counted(tmp_path):
    write_junit(OUTCOMES, tmp_path / "junit.xml")
    suites = parsed(tmp_path / "junit.xml")
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    fine, diverged, cut, late = suite
    assert (fine.get("name"), fine.get("time"), len(fine)) == ("fine", "1.500", 0)
    (failure,) = diverged
    assert (failure.tag, failure.get("message"), failure.get("type")) == (
        "failure",
        "first <line>",
        "diverged",
    )
    assert failure.text == "first <line>\nsecond & last"
    assert (cut[0].tag, cut[0].text) == (
        "error",
        "cut off\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m",
    )
    assert (late[0].tag, late[0].get("message")) == ("error", "")


@given(st.text(), st.text())
def test_junit_is_xml_whatever_a_device_said(tmp_path_factory, name, text):
    file = tmp_path_factory.mktemp("junit") / "junit.xml"
    write_junit([Outcome(name, CaseVerdict.DIVERGED, 1.0, text)], file)
    assert parsed(file).get("failures") == "1"


class _Page(HTMLParser):
    """Gathers the text of a page, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data + "\n"


def test_the_page_shows_every_case_and_needs_nothing_else(tmp_path):
    write_page(OUTCOMES, tmp_path / "index.html")
    content = (tmp_path / "index.html").read_text()
    page = _Page(content)
    assert page.open == []
    for part in (
        "1 of 4 are as they were",
        "heater/overshoot",
        "first <line>",
        "max_error",
        "0.1",
        "damaged",
    ):
        assert part in page.text
    assert "http" not in content.replace("http-equiv", "")


@given(st.text())
def test_no_text_of_a_device_becomes_part_of_the_page(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("page") / "index.html"
    write_page(
        [
            Outcome(
                text, CaseVerdict.DIVERGED, 1.0, f"<script>{text}</script>", {"signals": {text: {text: text}}}
            )
        ],
        file,
    )
    assert "<script" not in file.read_text().lower().replace("&lt;script", "")
