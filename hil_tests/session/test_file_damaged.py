"""Files that are no sessions, or no whole ones, end in one clear error: never a traceback, never a hang."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.cli.inside import run_inside
from testbed.errors import DamagedInput, UsageError
from testbed.session.file import SessionReader, list_sessions, summarize
from testbed.session.file.checks import seal
from testbed.session.file.schema import columns
from testbed.session.file.totals import KEYS, ROWS, WORDS

from .recording import whole


def check_whole(path: Path) -> None:
    """Make sure that a session is whole, without decoding it."""
    with SessionReader(path) as session:
        session.check_whole()


def read_all(path: Path) -> None:
    """Read everything that a session can give."""
    with SessionReader(path) as session:
        for iterate in (session.samples, session.frames, session.commands, session.events, session.chunks):
            for _ in iterate():
                pass
        for loop in session.loops():
            list(session.cycles(loop))
        for name in session.attachments():
            session.attachment(name)
        session.clock_pairs()
        session.ticks()
        session.holdups()
        session.overtaken()
        list(session.twin_states())
    json.dumps(summarize(path), allow_nan=False)


def test_the_whole_file_is_read_without_complaint(tmp_path):
    path = tmp_path / "whole.session"
    path.write_bytes(whole())
    read_all(path)
    check_whole(path)


NO_SESSIONS = {
    "empty": (b"", "is empty"),
    "text": (b"time,value\n1,2\n", "no session file"),
    "half a header": (b"SQLite fo", "no session file"),
    "a header and nothing": (b"SQLite format 3\0", "a.session"),
    "a header and rubbish": (b"SQLite format 3\0" + bytes(range(256)) * 40, "a.session"),
}


@pytest.mark.parametrize("kind", NO_SESSIONS)
def test_a_file_that_is_no_session_is_damaged_input(tmp_path, kind):
    content, told = NO_SESSIONS[kind]
    path = tmp_path / "a.session"
    path.write_bytes(content)
    with pytest.raises(DamagedInput, match=told) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3


def test_another_programs_database_is_damaged_input(tmp_path):
    database = sqlite3.connect(tmp_path / "a.session")
    database.execute("CREATE TABLE cookies (host TEXT)")
    database.commit()
    database.close()
    with pytest.raises(DamagedInput, match="no session of testbed"):
        SessionReader(tmp_path / "a.session")


def test_a_newer_format_says_that_a_newer_testbed_is_needed(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(DamagedInput, match="format 99"):
        SessionReader(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_session_is_damaged_input(tmp_path, share):
    path = tmp_path / "a.session"
    path.write_bytes(whole()[: int(len(whole()) * share)])
    with pytest.raises(DamagedInput, match=r"a\.session: damaged: cut off after"):
        read_all(path)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(16, len(whole()) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_flipped_bytes_give_a_session_or_damaged_input_and_nothing_else(flips):
    content = bytearray(whole())
    for at, byte in flips:
        content[at] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "flipped.session")
        path.write_bytes(content)
        try:
            read_all(path)
        except DamagedInput as error:
            assert str(path) in str(error)  # noqa: PT017  (both ends are right: read, or damaged)


def change(path: Path, *statements: str, seal_again: bool) -> None:
    """Change a session as no program of ours would; with `seal_again` every row's checksum fits after it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        for table, names in columns().items() if seal_again else ():
            for row in database.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608
                at = names.index("crc")
                crc = seal(table, *row[:at], *row[at + 1 :])[at]
                database.execute(f"UPDATE {table} SET crc = ? WHERE id = ?", (crc, row[0]))  # noqa: S608


WRONG_CONTENT = [
    ("UPDATE meta SET value = '{' WHERE key = 'bench'", "Expecting"),
    ("UPDATE meta SET value = '\"noon\"' WHERE key = 'started_ns'", "no times"),
    ("UPDATE meta SET value = '[1]' WHERE key = 'expectations'", "expectations"),
    ("UPDATE chunks SET n = n + 1", "samples of probe.temperature"),
    ("UPDATE chunks SET n = 9000000000000000000", "samples of probe.temperature"),
    ("UPDATE chunks SET times = 'text'", "chunk 1"),
    ("UPDATE chunks SET qualities = zeroblob(3)", "chunk 1"),
    ("UPDATE chunks SET signal = 70", "samples of probe.temperature: 0 were found"),
    ("UPDATE frames SET data = x'00'", "frames 1"),
    ("UPDATE cycles SET flags = x''", "cycles 1"),
    ("UPDATE cycles SET output = x'00'", "cycles 1"),
    ("UPDATE commands SET outcome = 'perhaps'", "perhaps"),
    ("UPDATE events SET level = 'shout'", "shout"),
    ("UPDATE signals SET id = 7 WHERE id = 2", "numbered"),
]


@pytest.mark.parametrize(("statement", "told"), WRONG_CONTENT)
def test_content_that_cannot_be_is_damaged_input_naming_what_is_wrong(tmp_path, statement, told):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(path, statement, seal_again=True)
    with pytest.raises(DamagedInput, match=told):
        read_all(path)


@pytest.mark.parametrize("statement", [statement for statement, _ in WRONG_CONTENT])
def test_any_change_of_a_row_is_noticed_by_its_checksum_or_its_number(tmp_path, statement):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(path, statement, seal_again=False)
    for read in (read_all, check_whole):
        with pytest.raises(DamagedInput, match=r"CRC-32|numbered|were found|comes next"):
            read(path)


@pytest.mark.parametrize("table", [*KEYS, *ROWS, "signals"])
def test_a_row_that_is_missing_is_noticed_be_it_the_first_the_last_or_between(tmp_path, table):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    with contextlib.closing(sqlite3.connect(path)) as database:
        numbers = [number for (number,) in database.execute(f"SELECT id FROM {table}")]  # noqa: S608
    assert numbers
    for number in numbers:
        path.write_bytes(whole())
        change(path, f"DELETE FROM {table} WHERE id = {number}", seal_again=False)  # noqa: S608
        for read in (read_all, check_whole):
            with pytest.raises(DamagedInput, match=f"{WORDS.get(table, table)}"):
                read(path)


def test_a_file_from_before_there_was_a_table_is_whole_without_it(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(
        path,
        "UPDATE meta SET value = json_remove(value, '$.overtaken') WHERE key = 'totals'",
        seal_again=True,
    )
    change(path, "DROP TABLE overtaken", seal_again=False)
    read_all(path)
    check_whole(path)
    with SessionReader(path) as session:
        assert session.overtaken() == {}


def test_an_attachment_that_is_missing_is_noticed(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(path, "DELETE FROM attachments", seal_again=False)
    with pytest.raises(DamagedInput, match=r"'bench\.yaml' is missing"):
        check_whole(path)


@pytest.mark.parametrize("command", ["show", "replay", "compare"])
def test_who_judges_a_session_reads_all_of_it_what_he_needs_and_what_not(
    tmp_path, monkeypatch, capsys, command
):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(path, "UPDATE twin_states SET state = '{}' WHERE id = 2", seal_again=False)
    arguments = [command, path, path] if command == "compare" else [command, path]
    result = run_inside(monkeypatch, capsys, *arguments)
    assert result.returncode == 3
    assert "row 2 of twin_states" in result.stderr
    assert f"testbed recover {path}" in result.stderr


def test_a_file_without_its_header_can_have_been_a_session(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(bytes(100) + whole()[100:])
    with pytest.raises(DamagedInput, match=r"if it was one, .*testbed recover"):
        SessionReader(path)


def test_a_table_that_is_missing_is_damaged_input(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    change(path, "DROP TABLE commands", seal_again=False)
    with pytest.raises(DamagedInput, match="commands"):
        read_all(path)


def test_a_folder_and_a_missing_file_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        SessionReader(tmp_path)
    with pytest.raises(UsageError, match="there is no session file"):
        SessionReader(tmp_path / "a.session")


def test_a_damaged_session_does_not_hide_the_others_of_its_folder(tmp_path):
    (tmp_path / "whole.session").write_bytes(whole())
    (tmp_path / "cut.session").write_bytes(whole()[:5000])
    verdicts = {entry.path.stem: entry.verdict for entry in list_sessions(tmp_path)}
    assert verdicts == {"whole": "passed", "cut": "damaged"}
