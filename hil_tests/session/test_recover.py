"""Whatever was done to a session file: what is whole of it is saved, nothing wrong is, and gaps are told."""

from __future__ import annotations

import functools
import gzip
import json
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.system.processes import testbed
from testbed.errors import DamagedInput, UsageError
from testbed.links import Direction
from testbed.session.file import SessionReader, digests, summarize
from testbed.session.file.columns import CycleLog, FrameColumn, SampleColumn
from testbed.session.file.schema import PAGE_SIZE
from testbed.session.file.store import Batch, Store
from testbed.session.recovery import Recovery, recover
from testbed.session.recovery.pages import Pages
from testbed.session.recovery.salvage import whole_rows
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample

from .recording import RIG

T0 = 1_763_000_000_000_000_000
COMMITS, ROWS = 80, 30


def write(path: Path, *, finish: bool = True) -> Store:
    """Record 2400 samples, frames and cycles, and commands, events, ... beside them, in 80 commits."""
    store = Store(path)
    noise = random.Random(1).randbytes(9000)
    attachments = {"bench/rig.yaml": b"bench: rig\n", "calibration/probe/noise": noise}
    store.create(RIG, {"started_ns": T0, "bench": "rig"}, attachments)
    columns, frames, log = [SampleColumn(each.id) for each in RIG], FrameColumn("probe"), CycleLog("hold")
    for commit in range(COMMITS):
        for number in range(commit * ROWS, (commit + 1) * ROWS):
            bad = number % 400 == 399
            columns[number % 3].add(
                Sample(number % 3, T0 + number, number / 7, Quality.BAD, "offline: pulled")
                if bad
                else Sample(number % 3, T0 + number, number / 7)
            )
            frames.add(T0 + number, Direction(number % 2), f"frame {number}\n".encode())
            log.add(T0 + number, number, 2, 3, 4, 0)
        command = Command(1, commit / 3, "loop hold", T0 + commit * ROWS, T0 + commit * ROWS + 10)
        command.finish(Outcome.ACKNOWLEDGED, command.time_ns + 1)
        samples = [chunk for column in columns if (chunk := column.take())]
        batch = Batch(samples, [c for c in (frames.take(),) if c], [] if commit else ["hold"])
        batch.cycles += [c for c in (log.take(),) if c]
        batch.commands.append(command)
        batch.events.append(Event(command.time_ns, Level.INFO, "run", "commit", f"commit {commit}"))
        batch.clock_pairs.append((command.time_ns, command.time_ns + 7))
        batch.twin_states.append(("probe", command.time_ns, {"air": commit / 3}))
        store.write(batch)
    if finish:
        store.finish({"ended_ns": T0 + 3000, "verdict": "passed", "expectations": []})
        store.close()
    return store


@functools.cache
def whole() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.session")
        write(path)
        return path.read_bytes()


@functools.cache
def killed() -> tuple[bytes, bytes]:
    """Return the file and the write-ahead log that a kill in the middle leaves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "killed.session")
        store = write(path, finish=False)
        left = path.read_bytes(), path.with_name("killed.session-wal").read_bytes()
        store.close()
        return left


def contents(path: Path) -> dict[str, list[str]]:
    """Return all that can be read from a session, each record as a text that can be compared."""
    with SessionReader(path) as session:
        found: dict[str, Iterable[object]] = {
            "samples": (
                (chunk.signal, number, time_ns, value, quality)
                for chunk in session.chunks()
                for time_ns, _, number, value, quality in chunk.rows()
            ),
            "reasons": ((each.id, turn) for each in session.signals for turn in session.turns(each.id)),
            "frames": session.frames(),
            "cycles": session.cycles("hold"),
            "commands": session.commands(),
            "events": session.events(),
            "clock_pairs": session.clock_pairs(),
            "twin_states": session.twin_states(),
            "attachments": ((name, session.attachment(name)) for name in session.attachments()),
        }
        return {kind: sorted(map(repr, records)) for kind, records in found.items()}


@functools.cache
def original() -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.session")
        path.write_bytes(whole())
        return contents(path)


def saved(folder: Path, content: bytes, log: bytes = b"") -> tuple[Recovery, dict[str, list[str]]] | None:
    """Recover a file of that content; None when there is nothing of a session in it."""
    file, new = folder / "a.session", folder / "new.session"
    file.write_bytes(content)
    if log:
        file.with_name("a.session-wal").write_bytes(log)
    try:
        recovery = recover(file, new)
    except DamagedInput:
        assert not new.exists()
        return None
    assert file.read_bytes() == content
    json.dumps(summarize(new), allow_nan=False)
    return recovery, contents(new)


def check(content: bytes, log: bytes = b"") -> None:
    """Recover; make sure that what was saved is right, and what is not there is said to be missing."""
    with tempfile.TemporaryDirectory() as folder:
        result = saved(Path(folder), content, log)
    if result is None:
        return
    recovery, found = result
    for kind, records in found.items():
        assert not set(records) - set(original()[kind]), f"{kind}: never recorded"
        assert len(records) == len(set(records)), f"{kind}: twice"
    if recovery.whole:
        assert found == original()
    if not any("its end" in lost for lost in recovery.lost):
        check_counts(recovery)


def check_counts(recovery: Recovery) -> None:
    """Make sure that what was saved and what is said to be missing add up to what was recorded."""
    sums: Counter[str] = Counter()
    for name, kept in recovery.kept.items():
        sums[name.partition(" of ")[0]] += kept.count + sum(gap.count for gap in kept.gaps)
    assert [sums[kind] for kind in ("samples", "frames", "cycles")] == [COMMITS * ROWS] * 3
    assert [sums[table] for table in ("commands", "events", "clock_pairs", "twin_states")] == [COMMITS] * 4


# Whole files ----------------------------------------------------------------------------------


def test_of_a_whole_file_everything_is_saved_with_the_same_digests(tmp_path):
    result = saved(tmp_path, whole())
    assert result is not None
    assert result[0].whole
    with SessionReader(tmp_path / "a.session") as one, SessionReader(tmp_path / "new.session") as other:
        assert digests(one) == digests(other)


def test_what_a_killed_run_left_is_saved_to_its_last_commit_and_its_end_is_missing(tmp_path):
    result = saved(tmp_path, *killed())
    assert result is not None
    recovery, found = result
    assert found == original()
    assert not recovery.damage
    assert [lost.partition(":")[0] for lost in recovery.lost] == ["its end"]
    assert not any(kept.gaps for kept in recovery.kept.values())
    with SessionReader(tmp_path / "new.session") as session:
        assert session.verdict() == "unfinished"


def test_what_was_written_again_as_one_or_deleted_does_not_come_back():
    """Pages that were given free still hold what stood on them."""
    content, log = killed()
    with tempfile.TemporaryDirectory() as folder:
        result = saved(Path(folder), content, log)
    assert result is not None
    assert len(result[1]["samples"]) == COMMITS * ROWS


# Damage ---------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(whole()) - 1))
def test_cut_anywhere_nothing_wrong_is_saved_and_what_is_missing_is_told(size):
    check(whole()[:size])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(whole()) - 1), st.integers(0, 7)), min_size=1, max_size=40))
def test_bits_flipped_anywhere_nothing_wrong_is_saved_and_what_is_missing_is_told(flips):
    content = bytearray(whole())
    for at, bit in flips:
        content[at] ^= 1 << bit
    check(bytes(content))


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, len(whole()) // PAGE_SIZE - 1), min_size=1, max_size=8), st.booleans())
def test_pages_lost_anywhere_nothing_wrong_is_saved_and_what_is_missing_is_told(pages, garbage):
    content = bytearray(whole())
    for page in pages:
        lost = random.Random(page).randbytes(PAGE_SIZE) if garbage else bytes(PAGE_SIZE)
        content[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] = lost
    check(bytes(content))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, len(killed()[1])),
    st.lists(st.tuples(st.integers(0, len(killed()[1]) - 1), st.integers(0, 7)), max_size=5),
)
def test_a_write_ahead_log_that_is_cut_and_flipped_gives_nothing_wrong(size, flips):
    content, log = killed()
    damaged = bytearray(log)
    for at, bit in flips:
        damaged[at] ^= 1 << bit
    check(content, bytes(damaged[:size]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3 * PAGE_SIZE), st.integers(0, 255))
def test_no_bytes_whatever_are_too_much_for_the_reading_of_pages(content, first):
    pages = Pages(bytes([first]) + content, {})
    assert pages.free() is not None
    for number in range(1, pages.count + 1):
        assert not list(whole_rows(pages, number))


def test_one_flipped_bit_in_a_blob_costs_the_chunk_it_stands_in_and_the_gap_is_told_with_its_times(tmp_path):
    content = bytearray(whole())
    at = content.index((T0 + 1200).to_bytes(8, "little"))
    content[at] ^= 1
    result = saved(tmp_path, bytes(content))
    assert result is not None
    recovery, found = result
    gaps = {name: kept.gaps for name, kept in recovery.kept.items() if kept.gaps}
    assert len(gaps) == 1
    (gap,) = next(iter(gaps.values()))
    assert gap.count > 1
    assert T0 <= gap.after_ns < T0 + 1200 < gap.before_ns <= T0 + 3000
    assert sum(map(len, found.values())) + gap.count == sum(map(len, original().values()))


def test_without_its_first_page_everything_else_is_saved(tmp_path):
    result = saved(tmp_path, bytes(PAGE_SIZE) + whole()[PAGE_SIZE:])
    assert result is not None
    recovery, found = result
    assert found == original()
    assert "first page" in recovery.damage[0]
    assert not recovery.whole


def test_damage_behind_a_break_in_the_log_is_read_past(tmp_path):
    """SQLite itself would stop there, and lose all that was committed later."""
    content, log = killed()
    damaged = bytearray(log)
    damaged[100] ^= 1
    result = saved(tmp_path, content, bytes(damaged))
    assert result is not None
    with sqlite3.connect(f"file:{tmp_path / 'a.session'}?mode=ro", uri=True) as database:
        (by_sqlite,) = database.execute("SELECT count(*) FROM events").fetchone()
    database.close()
    assert by_sqlite < len(result[1]["events"])
    assert "a.session-wal: damaged at byte" in " ".join(result[0].damage)


def test_lost_signals_keep_their_samples_and_are_named_by_the_resolved_bench(tmp_path):
    session = tmp_path / "a.session"
    done = testbed("run", "benches/thermal-rig.yaml", "--virtual", "--for", "5s", "--session", session)
    assert done.returncode in (0, 4), done.stderr
    with SessionReader(session) as reader:
        signals, counts = reader.signals, {n: newest.total for n, newest in reader.newest().items()}
    database = sqlite3.connect(session)
    database.execute("UPDATE signals SET title = title || '!' WHERE id IN (3, 8)")
    database.commit()
    database.close()
    recovery = recover(session, tmp_path / "new.session")
    assert [lost for lost in recovery.lost if lost.startswith("signal")] == [
        f"signal {n} ({signals[n].path}): restored from the resolved bench" for n in (3, 8)
    ]
    with SessionReader(tmp_path / "new.session") as reader:
        assert reader.signals == signals
        assert {n: newest.total for n, newest in reader.newest().items()} == counts


def test_what_was_recovered_can_be_recovered_again_and_tells_both_times(tmp_path):
    content = bytearray(whole())
    content[content.index((T0 + 1200).to_bytes(8, "little"))] ^= 1
    assert saved(tmp_path, bytes(content)) is not None
    (tmp_path / "new.session").rename(tmp_path / "once.session")
    again = saved(tmp_path, (tmp_path / "once.session").read_bytes())
    assert again is not None
    recovery, found = again
    assert found == contents(tmp_path / "once.session")
    assert (recovery.whole, recovery.damage) == (False, [])
    assert recovery.lost == [f"what was missing when it was recovered from {tmp_path / 'a.session'}"]
    with SessionReader(tmp_path / "new.session") as session:
        assert sum(map(len, session.meta()["recovered"]["before"]["missing"].values())) == 1


# Reading a damaged file without recovering ----------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(100, len(whole()) - 1), st.integers(0, 7)), min_size=1, max_size=20))
def test_whoever_reads_a_file_with_flipped_bits_gets_right_samples_or_an_error(flips):
    content = bytearray(whole())
    for at, bit in flips:
        content[at] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.session")
        path.write_bytes(content)
        found = []
        try:
            with SessionReader(path) as session:
                for sample in session.samples():
                    found.append(sample)
        except DamagedInput:
            pass
        else:
            assert len(found) == COMMITS * ROWS
    assert found == right_samples()[: len(found)]


@functools.cache
def right_samples() -> list[Sample]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.session")
        path.write_bytes(whole())
        with SessionReader(path) as session:
            return list(session.samples())


# The command ----------------------------------------------------------------------------------


def test_the_command_saves_beside_the_file_tells_and_exits_with_3(tmp_path):
    (tmp_path / "friday.session").write_bytes(whole()[: len(whole()) * 2 // 3])
    done = testbed("recover", tmp_path / "friday.session", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    told = json.loads(done.stdout)
    assert told["saved"] == str(tmp_path / "friday.recovered.session")
    assert "cut off after" in told["damage"][0]
    assert told["missing"]
    shown = testbed("show", tmp_path / "friday.recovered.session")
    assert shown.returncode == 0
    assert "recovered from" in shown.stdout
    exported = testbed("export", tmp_path / "friday.recovered.session")
    assert len(exported.stdout.splitlines()) == 1 + sum(
        count for name, count in told["kept"].items() if name.startswith("samples of")
    )
    again = testbed("recover", tmp_path / "friday.session")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    people = testbed("recover", tmp_path / "friday.session", "-o", tmp_path / "other.session")
    assert people.returncode == 3
    assert "with gaps" in people.stdout


def test_the_command_exits_with_0_for_a_whole_file(tmp_path):
    (tmp_path / "friday.session").write_bytes(whole())
    done = testbed("recover", tmp_path / "friday.session", "-o", tmp_path / "b.session")
    assert (done.returncode, done.stderr) == (0, "")
    assert "whole" in done.stdout


NOTHING = {
    "empty": (b"", 3, "nothing of a session"),
    "text": (b"time,value\n1,2\n" * 2000, 3, "nothing of a session"),
    "noise": (random.Random(7).randbytes(50_000), 3, "nothing of a session"),
    "another database": (None, 3, "nothing of a session"),
    "missing": ("", 2, "there is no file"),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_what_is_no_session_ends_in_one_error_and_leaves_nothing_behind(tmp_path, kind):
    content, code, told = NOTHING[kind]
    file = tmp_path / "a.session"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is None:
        database = sqlite3.connect(file)
        database.executescript("CREATE TABLE meta (a, b, c, d); INSERT INTO meta VALUES (1, 2, 3, 4)")
        database.close()
    done = testbed("recover", file)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert {each.name for each in tmp_path.iterdir()} <= {"a.session"}


def test_a_file_of_version_1_says_why_it_cannot_be_recovered(tmp_path):
    old = Path(__file__).parent / "files" / "version-1.session.gz"
    (tmp_path / "old.session").write_bytes(gzip.decompress(old.read_bytes()))
    with pytest.raises(DamagedInput, match="format 1 cannot be recovered"):
        recover(tmp_path / "old.session", tmp_path / "new.session")


def test_a_session_that_is_being_recorded_is_refused(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from hil_tests.session.test_recover import write\n"
        "write(Path(sys.argv[1]), finish=False); print('there', flush=True); time.sleep(60)"
    )
    file = tmp_path / "a.session"
    with subprocess.Popen([sys.executable, "-c", script, file], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            with pytest.raises(UsageError, match=f"in use by process {process.pid}"):
                recover(file, tmp_path / "new.session")
        finally:
            process.send_signal(signal.SIGKILL)
    recovery = recover(file, tmp_path / "new.session")
    assert not recovery.damage
    assert recovery.kept["events"].count == COMMITS


def test_a_disk_without_room_is_told_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.session").write_bytes(whole())
    done = testbed(
        "recover", tmp_path / "a.session", "-o", tmp_path / "b.session",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"a.session"}
