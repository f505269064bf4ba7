"""`testbed export` as a user runs it: where it writes, what it refuses, what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import pty
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ..test_cli_sessions import run
from .whole import whole_session

ROOT = Path(__file__).parents[3]


@pytest.fixture
def here(tmp_path):
    """Return a folder to work in, which holds the session friday."""
    (tmp_path / "sessions").mkdir()
    asyncio.run(whole_session(tmp_path / "sessions" / "friday.session"))
    return tmp_path


def test_text_goes_to_stdout_and_the_others_to_a_file_that_is_named(here):
    assert run(here, "export", "friday", "--to", "jsonl").stdout.startswith('{"record":"sample"')
    for to, name in (("mcap", "friday.mcap"), ("parquet", "friday.parquet"), ("perfetto", "friday.pftrace")):
        exported = run(here, "export", "friday", "--to", to)
        assert (exported.returncode, exported.stdout, exported.stderr) == (0, f"{name}\n", "")
        assert (here / name).stat().st_size > 500


def test_the_ending_of_the_file_says_the_format(here):
    for name, begin in (
        ("a.mcap", b"\x89MCAP"), ("a.parquet", b"PAR1"), ("a.jsonl", b'{"record"'), ("a.csv", b"time_ns"),
        ("a.txt", b"time_ns"),
    ):  # fmt: skip
        exported = run(here, "export", "friday", "-o", name)
        assert (exported.returncode, exported.stdout, exported.stderr) == (0, "", "")
        assert (here / name).read_bytes().startswith(begin)


def test_a_kind_of_record_can_be_chosen(here):
    exported = run(here, "export", "friday", "--to", "jsonl", "--what", "events", "--what", "cycles")
    assert {line.split('"')[3] for line in exported.stdout.splitlines()} == {"event", "cycle"}


WRONG = {
    ("--to", "mcpa"): "'mcpa' is no format\n  next  did you mean 'mcap'?",
    ("--to", "jsonl", "--what", "frame"): "'frame' is no kind of record\n  next  did you mean 'frames'?",
    ("--to", "csv", "--what", "frames"): "csv has no choice of what",
    ("--to", "parquet"): "friday.parquet exists already\n  next  give a file with -o",
    ("--to", "mcap", "-o", "sessions/friday.session"): "sessions/friday.session is the session itself",
    ("--to", "mcap", "-o", "no/such/folder.mcap"): "cannot write no/such/folder.mcap",
    ("--to", "mcap", "-o", "sessions"): "cannot write sessions",
}


def test_what_cannot_be_done_ends_in_one_error(here):
    (here / "friday.parquet").write_bytes(b"precious")
    before = (here / "sessions" / "friday.session").read_bytes()
    for arguments, told in WRONG.items():
        failed = run(here, "export", "friday", *arguments)
        assert (failed.returncode, failed.stdout) == (2, ""), arguments
        assert told in failed.stderr
        assert "Traceback" not in failed.stderr
    assert (here / "friday.parquet").read_bytes() == b"precious"
    assert (here / "sessions" / "friday.session").read_bytes() == before


def test_a_damaged_session_leaves_no_half_export_and_the_older_one_as_it_was(here):
    with sqlite3.connect(here / "sessions" / "friday.session") as database:
        database.execute("UPDATE frames SET data = x'00'")
    database.close()
    (here / "a.mcap").write_bytes(b"older")
    failed = run(here, "export", "friday", "-o", "a.mcap")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "friday.session: damaged: " in failed.stderr
    assert (here / "a.mcap").read_bytes() == b"older"
    assert sorted(path.name for path in here.iterdir()) == ["a.mcap", "sessions"]


@pytest.mark.parametrize(
    ("to", "library"), [("parquet", "pyarrow"), ("mcap", "mcap"), ("perfetto", "perfetto")]
)
def test_a_library_that_is_not_installed_is_named_with_the_extra_to_install(here, to, library):
    hidden = here / "hidden" / library
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text(f"raise ModuleNotFoundError(name={library!r})\n")
    failed = subprocess.run(
        [sys.executable, "-m", "testbed", "export", "friday", "--to", to, "-o", "out"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": f"{here / 'hidden'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 2
    assert f"needs {library}, which is not installed" in failed.stderr
    assert "pip install 'hil-testbed[export]'" in failed.stderr
    assert not (here / "out").exists()


def test_on_a_terminal_progress_is_shown_on_stderr_only(here):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "testbed", "export", "friday", "-o", "a.csv"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "exporting" in shown


def test_a_pipe_that_was_made_before_can_be_written_to(here):
    os.mkfifo(here / "pipe")
    reading = subprocess.Popen(["head", "-n", "1", here / "pipe"], stdout=subprocess.PIPE)
    assert run(here, "export", "friday", "--to", "csv", "-o", "pipe").returncode == 0
    out, _ = reading.communicate()
    assert out == b"time_ns,device,signal,value,unit,quality\n"
    assert (here / "pipe").is_fifo()
