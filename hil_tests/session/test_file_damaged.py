"""Files that are no sessions, or no whole ones, end in one clear error: never a traceback, never a hang."""

from __future__ import annotations

import functools
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import DamagedInput, UsageError
from testbed.links import Direction
from testbed.session.file import SessionReader, list_sessions, summarize
from testbed.session.file.columns import CycleLog, FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample

from .recording import RIG


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
    json.dumps(summarize(path), allow_nan=False)


@functools.cache
def whole() -> bytes:
    """Return the bytes of a small session with something of everything in it."""
    column, frames, cycles = SampleColumn(0), FrameColumn("probe"), CycleLog("hold")
    command = Command(1, 40.0, "loop hold", 5, 10)
    command.finish(Outcome.ACKNOWLEDGED, 6)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.session")
        store = Store(path)
        store.create(RIG, {"started_ns": 1, "bench": "rig"}, {"bench.yaml": b"bench: rig\n"})
        for part in range(3):
            for number in range(200):
                column.add(Sample(0, part * 1000 + number, 20.0 + number))
                frames.add(part * 1000 + number, Direction.RX, b"20.5\n")
                cycles.add(part * 1000 + number, 1, 2, 3, 4, 0)
            column.add(Sample(0, part * 1000 + 500, 0.0, Quality.BAD, "offline: pulled"))
            taken = [column.take()], [frames.take()], [cycles.take()]
            samples, passed, ran = ([each for each in some if each] for some in taken)
            events = [Event(part, Level.WARNING, "probe", "offline", "pulled")]
            store.write(Batch(samples, passed, ["hold"], ran, [command], events, [(1, 2)]))
        expectations = [{"text": "stays below 85 degC", "verdict": "passed", "margin": 1.0, "unit": "degC"}]
        store.finish({"ended_ns": 9999, "verdict": "passed", "expectations": expectations})
        store.close()
        return path.read_bytes()


def test_the_whole_file_is_read_without_complaint(tmp_path):
    path = tmp_path / "whole.session"
    path.write_bytes(whole())
    read_all(path)


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


WRONG_CONTENT = [
    ("UPDATE meta SET value = '{' WHERE key = 'bench'", "Expecting"),
    ("UPDATE meta SET value = '\"noon\"' WHERE key = 'started_ns'", "no times"),
    ("UPDATE meta SET value = '[1]' WHERE key = 'expectations'", "expectations"),
    ("UPDATE chunks SET n = n + 1", "chunk 1"),
    ("UPDATE chunks SET n = 9000000000000000000", "chunk 1"),
    ("UPDATE chunks SET times = 'text'", "chunk 1"),
    ("UPDATE chunks SET qualities = zeroblob(3)", "chunk 1"),
    ("UPDATE chunks SET signal = 70", "signal 70"),
    ("UPDATE frames SET data = x'00'", "frames 1"),
    ("UPDATE cycles SET flags = x''", "cycles 1"),
    ("UPDATE commands SET outcome = 'perhaps'", "perhaps"),
    ("UPDATE events SET level = 'shout'", "shout"),
    ("UPDATE signals SET id = 7 WHERE id = 2", "numbered"),
    ("DROP TABLE commands", "commands"),
]


@pytest.mark.parametrize(("change", "told"), WRONG_CONTENT)
def test_content_that_cannot_be_is_damaged_input_naming_what_is_wrong(tmp_path, change, told):
    path = tmp_path / "a.session"
    path.write_bytes(whole())
    database = sqlite3.connect(path)
    database.execute(change)
    database.commit()
    database.close()
    with pytest.raises(DamagedInput, match=told):
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
