"""Small chunks become one when they are old, and whoever reads meanwhile misses nothing."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

from testbed.links import Direction
from testbed.session.file import SessionReader
from testbed.session.file.columns import CycleLog, FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Event, Level, Outcome, Quality, Sample

from .recording import RIG

FILES = Path(__file__).parent / "files"
T0 = 1_763_000_000_000_000_000


class Rig:
    """A store that commits two samples, frames and cycles at a time."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.store.create(RIG, {"started_ns": 0}, {})
        self.column, self.frames, self.log = SampleColumn(0), FrameColumn("probe"), CycleLog("hold")
        self.done = 0

    def commit(self, times: int, rows: int = 2) -> None:
        for _ in range(times):
            for _ in range(rows):
                bad = self.done % 100 == 99
                quality, reason = (Quality.BAD, "offline: pulled") if bad else (Quality.GOOD, "")
                self.column.add(Sample(0, self.done, self.done / 3, quality, reason))
                self.frames.add(self.done, Direction.RX, str(self.done).encode())
                self.log.add(self.done, 1, 2, 3, 4, self.done % 2)
                self.done += 1
            chunks = [self.column.take()], [self.frames.take()], [self.log.take()]
            samples, frames, cycles = ([each for each in some if each] for some in chunks)
            self.store.write(Batch(samples, frames, [], cycles))

    def check(self, session: SessionReader) -> None:
        """Make sure that everything stands in the session, once and in order."""
        numbers = range(self.done)
        samples = list(session.samples())
        assert [sample.value for sample in samples] == [number / 3 for number in numbers]
        reasons = [sample.time_ns for sample in samples if sample.reason == "offline: pulled"]
        assert reasons == [number for number in numbers if number % 100 == 99]
        assert list(session.series(0)[0]) == list(numbers)
        frames = [frame.data for frame in session.frames("probe")]
        assert frames == [str(number).encode() for number in numbers]
        assert [(cycle.time_ns, cycle.flags) for cycle in session.cycles("hold")] == [
            (number, number % 2) for number in numbers
        ]


def rows(session: SessionReader) -> list[int]:
    """Return how many rows the tables of chunks have."""
    tables = ("chunks", "frames", "cycles")
    return [session._query(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608


def test_the_chunks_of_a_slow_signal_become_few(tmp_path):
    rig = Rig(tmp_path / "a.session")
    with SessionReader(tmp_path / "a.session") as session:
        for _ in range(6):
            rig.commit(170)
            rig.check(session)
            assert max(rows(session)) < 400  # 60 s that are not merged yet, 10 s that wait, few that are done
        rig.store.finish({})
        rig.check(session)
        assert max(rows(session)) <= 5
    rig.store.close()


def test_big_chunks_are_left_alone_and_nothing_is_merged_across_them(tmp_path):
    rig = Rig(tmp_path / "a.session")
    with SessionReader(tmp_path / "a.session") as session:
        for many in (3, 200, 5, 150, 250):
            rig.commit(3, rows=many)
        rig.store.finish({})
        rig.check(session)
        assert rows(session) == [1 + 3 + 1 + 3] * 3
    rig.store.close()


def test_who_reads_on_from_chunk_to_chunk_gets_every_sample_once(tmp_path):
    rig, seen, got = Rig(tmp_path / "a.session"), 0, []
    with SessionReader(tmp_path / "a.session") as session:
        for _ in range(60):
            rig.commit(5)
            for chunk in session.chunks(after=seen):
                seen = chunk.id
                got += chunk.times
    assert got == list(range(600))
    rig.store.close()


def test_who_lags_behind_gets_samples_again_in_chunks_that_say_so_and_misses_none(tmp_path):
    rig, seen, got, again = Rig(tmp_path / "a.session"), 0, list[int](), 0
    with SessionReader(tmp_path / "a.session") as session:
        for _ in range(4):
            rig.commit(180)
            for number, chunk in enumerate(session.chunks(after=seen)):
                if number == 100:
                    break  # and comes back when what it saw last has been merged with what it has not
                seen = chunk.id
                again += len(got) - chunk.first
                got[chunk.first :] = chunk.times
        for chunk in session.chunks(after=seen):
            again += len(got) - chunk.first
            got[chunk.first :] = chunk.times
    assert got == list(range(1440))
    assert again > 0
    rig.store.close()


def test_a_reading_that_was_begun_before_the_merging_goes_on_after_it(tmp_path):
    rig = Rig(tmp_path / "a.session")
    with SessionReader(tmp_path / "a.session") as session:
        rig.commit(120)
        reading = session.sample_rows()
        first = next(reading)
        rig.commit(100)
        rig.store.finish({})
        assert [first[0], *(row[0] for row in reading)] == list(range(240))
    rig.store.close()


def test_a_file_of_version_1_is_read_as_it_was_recorded(tmp_path):
    path = tmp_path / "old.session"
    path.write_bytes(gzip.decompress((FILES / "version-1.session.gz").read_bytes()))
    with SessionReader(path) as session:
        assert session.version == 1
        assert (session.verdict(), session.meta()["bench"]) == ("passed", "rig")
        assert session.attachment("bench/rig.yaml") == b"bench: rig\n"
        assert session.signals == RIG
        samples = [(sample.time_ns - T0, sample.value, sample.reason) for sample in session.samples()]
        assert samples[:3] == [(0, 20.0, ""), (1, 21.0, ""), (2, 22.0, "")]
        assert (samples[3][0], samples[3][2]) == (3, "offline: pulled")
        assert math.isnan(samples[3][1])
        assert len(samples) == 8
        assert session.frame_counts() == {"probe": 6}
        assert {frame.data for frame in session.frames()} == {b"20.5\n"}
        assert [command.outcome for command in session.commands()] == [Outcome.ACKNOWLEDGED] * 2
        assert next(session.events()) == Event(T0, Level.WARNING, "probe", "offline", "pulled")
        assert session.loops() == ["hold", "idle"]
        cycles = list(session.cycles("hold"))
        assert cycles[0][:7] == (T0, "hold", 1, 2, 3, 4, 0)
        assert (len(cycles), math.isnan(cycles[0].output)) == (6, True)
        assert session.clock_pairs() == [(T0, T0 + 7)] * 2
        assert list(session.twin_states()) == []
