"""Recordings become sessions: what is in them, what is refused, as a user runs `testbed import`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from testbed.errors import UsageError
from testbed.session.file import SessionReader, summarize
from testbed.session.imports import open_csv, open_recording, write_session

from ..exports.whole import whole_session
from ..test_cli_sessions import run

THERMOMETER = "time [s],temperature [degC]\n0,21.5\n0.5,22\n1,22.5\n"


def imported(folder: Path, text: str = THERMOMETER) -> Path:
    path = folder / "thermometer.csv"
    path.write_text(text)
    write_session(open_csv(path), path, folder / "a.session")
    return folder / "a.session"


def test_the_session_says_where_it_comes_from(tmp_path):
    with SessionReader(imported(tmp_path)) as session:
        meta = session.meta()
        assert session.span() == (0, 1_000_000_000)
    assert meta["mode"] == "import"
    assert meta["source"] == {
        "file": "thermometer.csv",
        "form": "csv",
        "sha256": hashlib.sha256(THERMOMETER.encode()).hexdigest(),
        "bytes": len(THERMOMETER),
    }


def test_the_session_can_be_shown(tmp_path):
    summary = summarize(imported(tmp_path))
    assert summary["verdict"] == "imported"
    assert summary["bench"] == "thermometer"
    assert summary["signals"] == {
        "thermometer.temperature": {"count": 3, "last": 22.5, "unit": "degC", "quality": "good"}
    }


def test_it_is_one_plain_file(tmp_path):
    imported(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.session", "thermometer.csv"]


def test_a_session_that_is_there_is_never_overwritten(tmp_path):
    session = imported(tmp_path)
    before = session.read_bytes()
    with pytest.raises(UsageError, match="no recording is ever overwritten"):
        imported(tmp_path)
    assert session.read_bytes() == before


def test_a_mistake_in_the_middle_leaves_no_half_session(tmp_path):
    with pytest.raises(Exception, match=r"thermometer\.csv:3: column 2"):
        imported(tmp_path, "time,a\n0,1\n1,x\n")
    assert [path.name for path in tmp_path.iterdir()] == ["thermometer.csv"]


async def test_a_session_is_no_recording_of_another_tool(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    with pytest.raises(UsageError, match="is no recording of another tool"):
        open_recording(session)


def test_samples_out_of_order_are_sorted_when_they_are_read(tmp_path):
    with SessionReader(imported(tmp_path, "time,a\n3,3\n1,1\n2,2\n")) as session:
        assert [sample.value for sample in session.samples()] == [1.0, 2.0, 3.0]
        assert session.span() == (1_000_000_000, 3_000_000_000)


async def test_an_export_comes_back_through_csv_and_mcap_as_it_was(tmp_path):
    await whole_session(tmp_path / "sessions" / "friday.session")
    for to in ("csv", "mcap"):
        run(tmp_path, "export", "friday", "-o", f"friday.{to}")
        assert run(tmp_path, "import", f"friday.{to}", "-o", f"{to}.session").returncode == 0
        again = run(tmp_path, "export", f"{to}.session", "--to", "csv")
        # Two samples of one time stand in the order of the signals, and a CSV numbers them as they come.
        assert sorted(again.stdout.splitlines()) == sorted(
            run(tmp_path, "export", "friday", "--to", "csv").stdout.splitlines()
        )


def test_the_command_says_what_came_in(tmp_path):
    (tmp_path / "thermometer.csv").write_text(THERMOMETER)
    done = run(tmp_path, "import", "thermometer.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "sessions/thermometer.session: 1 signal, 3 samples\nfrom 1970-01-01T00:00:00Z, 1.0 s\n"
    )
    arguments = ("--start", "2026-11-23T12:00:00Z", "-o", "b.session", "--json")
    told = json.loads(run(tmp_path, "import", "thermometer.csv", *arguments).stdout)
    assert (told["session"], told["samples"]) == ("b.session", 3)
    assert told["start_ns"] == 1_795_435_200_000_000_000
    assert (
        json.loads(run(tmp_path, "show", "b.session", "--json").stdout)["started"] == "2026-11-23T12:00:00Z"
    )


WRONG = {
    ("nowhere.csv",): (2, "cannot read nowhere.csv"),
    (".",): (2, "cannot read ."),
    ("wrong.csv",): (3, "wrong.csv:2: column 2 (a): 'x' is no number"),
    ("good.csv", "--time", "tme"): (2, "has no column 'tme'"),
    ("good.csv", "--start", "noon"): (2, "--start: 'noon' is no time"),
    ("good.csv", "--delimiter", "||"): (2, "is no single character"),
    ("good.csv", "-o", "good.csv"): (2, "good.csv exists already"),
    ("good.csv", "-o", "good.csv/a.session"): (2, "cannot write good.csv/a.session"),
}


def test_what_cannot_be_done_ends_in_one_error_and_its_exit_code(tmp_path):
    (tmp_path / "good.csv").write_text("time,a\n0,1\n")
    (tmp_path / "wrong.csv").write_text("time,a\n0,x\n")
    for arguments, (code, told) in WRONG.items():
        failed = run(tmp_path, "import", *arguments)
        assert (failed.returncode, failed.stdout) == (code, ""), arguments
        assert told in failed.stderr
        assert "Traceback" not in failed.stderr
