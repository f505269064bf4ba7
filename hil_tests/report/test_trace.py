"""Requirements as people list them, and what was shown of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.errors import UsageError
from testbed.session.report import Entry, Report, Requirement, read_requirements
from testbed.session.results import TestOutcome, TestResult

PASSED, FAILED, BLOCKED, SKIPPED = TestOutcome

MARKDOWN = """# Requirements

Some words about REQ-99, which is no item.

- REQ-1: The chamber holds its setpoint
* **REQ-2** \N{EM DASH} It never overheats
3. `SYS-THERM-3a` The fan spins

## REQ-4 It stops

| id | text | owner |
|----|------|-------|
| REQ-5 | It is quiet | me |

```
- REQ-6: an example, not a requirement
```
"""

CSV = 'Owner,ID,Text\nme,REQ-1,"holds, well"\n\nme,REQ-2,\n'


def read(folder: Path, name: str, text: str) -> list[Requirement]:
    file = folder / name
    file.write_text(text)
    return read_requirements(file)


def test_markdown_lists_requirements_as_items_headings_and_rows(tmp_path: Path):
    assert read(tmp_path, "list.md", MARKDOWN) == [
        ("REQ-1", "The chamber holds its setpoint"),
        ("REQ-2", "It never overheats"),
        ("SYS-THERM-3a", "The fan spins"),
        ("REQ-4", "It stops"),
        ("REQ-5", "It is quiet"),
    ]


def test_csv_lists_them_by_the_names_of_its_columns_or_in_the_first_two(tmp_path: Path):
    assert read(tmp_path, "list.csv", CSV) == [("REQ-1", "holds, well"), ("REQ-2", "")]
    assert read(tmp_path, "bare.csv", "REQ-1,holds\nREQ-2\n") == [("REQ-1", "holds"), ("REQ-2", "")]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("list.md", "nothing here", "lists no requirement"),
        ("list.md", "- REQ-1: a\n- REQ-1: b", "list.md:2: REQ-1 stands in line 1 already"),
        ("list.csv", "", "lists no requirement"),
        ("list.csv", "id,text\n,words\n", "list.csv:2: a requirement without an id"),
        ("list.csv", 'REQ-1,"never closed\n', "no CSV"),
        ("list.txt", "REQ-1", "are read from .md and .csv files"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(tmp_path: Path, name: str, text: str, told: str):
    with pytest.raises(UsageError) as raised:
        read(tmp_path, name, text)
    assert told in str(raised.value)


def test_a_list_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot read"):
        read_requirements(tmp_path / "none.md")
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_requirements(tmp_path / "binary.md")


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], "not tested"),
        ([SKIPPED], "not tested"),
        ([PASSED, SKIPPED], "passed"),
        ([PASSED, BLOCKED], "blocked"),
        ([PASSED, BLOCKED, FAILED], "failed"),
    ],
)
def test_a_requirement_is_as_good_as_the_worst_of_its_tests(outcomes: list[TestOutcome], verdict: str):
    entries = [Entry(TestResult("test", outcome, requirements=["REQ-1", "REQ-1"])) for outcome in outcomes]
    (trace,) = Report("run", entries, [Requirement("REQ-1", "It holds")]).traces
    assert trace.verdict.value == verdict
    assert trace.tests == list(range(len(outcomes)))


def test_a_requirement_that_only_a_test_names_is_told_apart():
    entries = [Entry(TestResult("test", PASSED, requirements=["REQ-7"]))]
    known, unknown = Report("run", entries, [Requirement("REQ-1", "It holds")]).traces
    assert (known.listed, unknown.listed, unknown.requirement.id) == (True, False, "REQ-7")
    (alone,) = Report("run", entries).traces
    assert alone.listed
