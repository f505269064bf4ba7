"""What goes into a session file comes out of it, to the bit and in order."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.clock import NS
from testbed.control.terms import NO_TERMS, Terms
from testbed.errors import DamagedInput, UsageError
from testbed.links import Direction
from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, SessionReader, TwinState
from testbed.session.file.columns import FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Command, Event, Level, Outcome, Priority, Quality, Sample, Verdict

from .recording import RIG, record

T0 = 1_763_000_000 * NS
TIMES = st.integers(T0, T0 + 20)  # so close together that many are equal and many step back


def bits(sample: Sample) -> tuple[int, int, bytes, Quality, str]:
    """Return a sample so that NaN equals NaN and -0.0 differs from 0.0."""
    value = struct.pack("<d", sample.value)
    return sample.signal, sample.time_ns, value, sample.quality, sample.reason


SAMPLES = st.builds(
    Sample,
    signal=st.integers(0, len(RIG) - 1),
    time_ns=TIMES,
    value=st.floats(allow_nan=True) | st.sampled_from([math.nan, -0.0, math.inf, -math.inf]),
    quality=st.sampled_from(Quality),
    reason=st.sampled_from(["", "offline: pulled", "CRC wrong"]) | st.text(max_size=5),
)


def write(path: Path, batches: Sequence[Sequence[Sample]]) -> None:
    """Commit the samples batch by batch."""
    columns = [SampleColumn(signal.id) for signal in RIG]
    store = Store(path)
    store.create(RIG, {"started_ns": T0}, {})
    for batch in batches:
        for sample in batch:
            columns[sample.signal].add(sample)
        store.write(Batch(samples=[chunk for column in columns if (chunk := column.take())]))
    store.finish({})
    store.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(SAMPLES, max_size=12), max_size=4))
def test_any_samples_in_any_batches_come_back_exactly_and_in_time_order(batches):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.session")
        write(path, batches)
        with SessionReader(path) as session:
            found = list(session.samples())
            series = {signal.id: session.series(signal.id) for signal in RIG}
    given_ = [sample for batch in batches for sample in batch]
    # Python's sort is stable: equal times of one signal stay in the order of their arrival.
    assert [bits(s) for s in found] == [bits(s) for s in sorted(given_, key=lambda s: (s.time_ns, s.signal))]
    for signal, (times, values, qualities) in series.items():
        own = [sample for sample in given_ if sample.signal == signal]
        assert list(times) == [sample.time_ns for sample in own]
        assert values.tobytes() == b"".join(struct.pack("<d", sample.value) for sample in own)
        assert list(qualities) == [sample.quality for sample in own]


@settings(max_examples=40, deadline=None)
@given(st.lists(SAMPLES, min_size=1, max_size=20))
def test_every_chunk_knows_its_extremes_and_when_they_were(samples):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.session")
        write(path, [samples])
        with SessionReader(path) as session:
            rows = session._query("SELECT signal, n, t0, t1, vmin, tmin, vmax, tmax FROM chunks").fetchall()
    for signal, n, t0, t1, vmin, tmin, vmax, tmax in rows:
        own = [sample for sample in samples if sample.signal == signal]
        real = [(sample.value, sample.time_ns) for sample in own if not math.isnan(sample.value)]
        assert (n, t0, t1) == (len(own), min(s.time_ns for s in own), max(s.time_ns for s in own))
        if real:
            assert (vmin, vmax) == (min(value for value, _ in real), max(value for value, _ in real))
            assert (vmin, tmin) in real
            assert (vmax, tmax) in real
        else:
            assert (vmin, tmin, vmax, tmax) == (None, None, None, None)


FRAMES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(Direction), st.binary(max_size=20)), max_size=20
)


@settings(max_examples=40, deadline=None)
@given(FRAMES, FRAMES, st.integers(0, 20))
def test_frames_come_back_byte_for_byte_in_their_order_and_devices_are_merged_by_time(one, other, cut):
    steps = {"fan": one, "probe": other}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.session")
        store = Store(path)
        store.create(RIG, {"started_ns": T0}, {})
        given_: dict[str, list[tuple[int, Direction, bytes]]] = {"fan": [], "probe": []}
        columns = {device: FrameColumn(device) for device in steps}
        for part in (slice(0, cut), slice(cut, None)):
            for device, frames in steps.items():
                for gap, direction, data in frames[part]:
                    time_ns = (given_[device][-1][0] if given_[device] else T0) + gap
                    given_[device].append((time_ns, direction, data))
                    columns[device].add(time_ns, direction, data)
            store.write(Batch(frames=[chunk for column in columns.values() if (chunk := column.take())]))
        store.close()
        with SessionReader(path) as session:
            for device, frames in given_.items():
                assert [(f.time_ns, f.direction, f.data) for f in session.frames(device)] == frames
            times = [frame.time_ns for frame in session.frames()]
            counts = session.frame_counts()
    assert times == sorted(times)
    # Marks carry no bytes of the device, so they are no frames to count.
    assert counts == {
        device: sum(not direction.is_mark for _, direction, _ in frames)
        for device, frames in given_.items()
        if frames
    }


async def test_commands_events_cycles_and_clock_pairs_come_back_as_they_were(tmp_path):
    settled = Command(1, -0.0, "loop hold", T0, T0 + NS, T0 - 5, Priority.SAFE, Verdict.ALLOWED)
    settled.sent_ns = T0 + 1
    settled.finish(Outcome.ACKNOWLEDGED, T0 + 2)
    refused = Command(1, math.nan, "operator", T0 - 9, T0, verdict=Verdict.REFUSED)
    refused.finish(Outcome.REFUSED, T0 - 9, "NaN is no duty")
    events = [Event(T0 + i, level, "probe", "offline", f"{level} µ \udc80") for i, level in enumerate(Level)]
    terms = Terms(60.0, 58.5, 30.1, 30.0, 0.1, -0.0)
    cycles = [
        (T0, 5, 100, 900, 1500, 0, terms),
        (T0 + 10, -3, 100, -1, -1, OVERRUN | ACTED_SAFE, NO_TERMS._replace(setpoint=60.0)),
    ]

    async with record(tmp_path / "a.session") as writer:
        log = writer.cycles("hold")
        writer.cycles("idle")
        writer.command(settled)
        writer.command(refused)
        for event in reversed(events):
            writer.event(event)
        for cycle in cycles:
            log.add(*cycle)
        writer.clock_pair(T0, T0 + 7)
        writer.twin_state("chamber", T0 + 1, {"air": 58.5, "load": math.nan})

    with SessionReader(tmp_path / "a.session") as session:
        first, second = session.commands()
        assert (first.reason, first.outcome, str(first.value)) == ("NaN is no duty", Outcome.REFUSED, "nan")
        assert second == settled
        assert str(second.value) == "-0.0"
        # A lone surrogate is no UTF-8: it is kept as an escape, and it stops nothing.
        assert [event.text for event in session.events()] == [f"{level} µ \\udc80" for level in Level]
        assert [event.level for event in session.events()] == list(Level)
        assert session.loops() == ["hold", "idle"]
        wanted = [Cycle(time_ns, "hold", *rest, *terms) for time_ns, *rest, terms in cycles]
        assert list(map(repr, session.cycles("hold"))) == list(map(repr, wanted))  # NaN and -0.0 too
        assert list(session.cycles("idle")) == []
        assert session.clock_pairs() == [(T0, T0 + 7)]
        (state,) = session.twin_states()
        assert repr(state) == repr(TwinState(T0 + 1, "chamber", {"air": 58.5, "load": math.nan}))


async def test_metadata_signals_and_attachments_come_back_and_the_end_is_known_by_its_metadata(tmp_path):
    path = tmp_path / "a.session"
    bench = b"bench: thermal-rig\n"
    async with record(path, metadata={"bench": "thermal-rig", "seed": 7}, attachments={"bench.yaml": bench}):
        with SessionReader(path) as session:
            assert session.meta()["seed"] == 7
            assert "ended_ns" not in session.meta()
            assert session.verdict() == "unfinished"
    with SessionReader(path) as session:
        assert session.meta()["ended_ns"] >= session.meta()["started_ns"]
        assert session.verdict() == "passed"
        assert session.signals == RIG
        assert session.signal("heater.duty").safe == 0.0
        assert session.attachments() == ["bench.yaml"]
        assert session.attachment("bench.yaml") == bench
        with pytest.raises(KeyError):
            session.attachment("other.yaml")


async def test_an_attachment_that_was_changed_is_damaged_input(tmp_path):
    path = tmp_path / "a.session"
    async with record(path, attachments={"bench.yaml": b"bench: a"}):
        pass
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE attachments SET data = ?", (b"bench: b",))
    with SessionReader(path) as session, pytest.raises(DamagedInput, match=r"bench\.yaml.*SHA-256"):
        session.attachment("bench.yaml")


async def test_a_finished_session_is_one_plain_file(tmp_path):
    async with record(tmp_path / "a.session") as writer:
        writer.sample(Sample(0, T0, 21.5))
    assert [file.name for file in tmp_path.iterdir()] == ["a.session"]


async def test_an_existing_file_is_never_overwritten(tmp_path):
    path = tmp_path / "a.session"
    path.write_bytes(b"last Friday's run")
    with pytest.raises(UsageError, match="exists already"):
        async with record(path):
            pass
    assert path.read_bytes() == b"last Friday's run"


async def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path):
    (tmp_path / "sessions").write_text("a file where the folder should be")
    with pytest.raises(UsageError, match="cannot record to"):
        async with record(tmp_path / "sessions" / "a.session"):
            pass


async def test_nothing_is_recorded_and_nothing_breaks_after_the_end(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        tap, log = writer.tap("probe"), writer.cycles("hold")
        tap(T0, Direction.RX, b"21.5\n")
    writer.sample(Sample(0, T0, 1.0))
    writer.event(Event(T0, Level.INFO, "probe", "online", ""))
    tap(T0, Direction.RX, b"22.5\n")
    log.add(T0, 0, 0, 0, 0, 0)
    writer.close({})
    assert not writer.recording
    with SessionReader(path) as session:
        assert [frame.data for frame in session.frames()] == [b"21.5\n"]
        assert list(session.samples()) == []


async def test_the_questions_of_the_documentation_are_answered_by_sqlite_alone(tmp_path, monkeypatch):
    async with record(
        tmp_path / "sessions/friday.session", attachments={"bench/rig.yaml": b"bench: a"}
    ) as writer:
        writer.sample(Sample(0, T0, 21.5))
        writer.sample(Sample(0, T0 + NS, math.nan, Quality.BAD, "offline: pulled"))
        lost = Command(1, 40.0, "operator", T0, T0 + NS)
        lost.finish(Outcome.FAILED, T0, "heater is offline")
        writer.command(lost)
        writer.cycles("hold").add(T0, 0, 0, -1, -1, 0, NO_TERMS._replace(setpoint=60.0))
        writer.twin_state("probe", T0, {"air": 21.0})
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
    (questions,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with contextlib.closing(sqlite3.connect("sessions/friday.session")) as database:
        answers = [database.execute(question).fetchall() for question in questions.split(";\n") if question]
    assert dict(answers[0]) == {"verdict": '"passed"', "expectations": "[]"}
    assert answers[1] == [("probe.temperature", 2, 21.5, 21.5, "degC")]
    assert answers[2] == [("2025-11-13 02:13:21", "probe.temperature", 2, "offline: pulled")]
    assert [row[1:] for row in answers[3]] == [
        ("duty", 40.0, "operator", "pending", "failed", "heater is offline")
    ]
    assert answers[4] == [("bench: a",)]
    assert answers[5] == [("hold", 1, 60.0, 60.0)]
    assert answers[6] == [("2025-11-13 02:13:20", "probe", '{"air": 21.0}')]
    names: dict[str, Any] = {}
    exec(script, names)  # noqa: S102  (the documentation's own example)
    names["database"].close()
    assert list(names["times"]) == [T0, T0 + NS]
    assert names["values"][0] == 21.5
