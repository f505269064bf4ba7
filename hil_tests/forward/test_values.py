"""What stands in a real InfluxDB after a session was forwarded: every value, time, quality and reason."""

from __future__ import annotations

import math
import sqlite3
from array import array
from dataclasses import replace
from itertools import pairwise

import pytest

from hil_tests.support.influxdb import shim
from testbed.clock import NS
from testbed.control.terms import Terms
from testbed.session.file import OVERRUN, Chunk, SessionReader, digests
from testbed.session.forward import Outbox, Position
from testbed.session.forward.points import Points, Reasons
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample, Verdict

from .sessions import (
    METADATA,
    SESSION,
    SIGNALS,
    T0,
    everything_is_stored,
    forward,
    many,
    record,
    recorded,
    steady,
    stored,
)

pytestmark = pytest.mark.needs_system("influxd")

ODD = [1 / 3, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 123456789.123456789, 1e16, -273.15]


async def test_every_value_comes_back_exactly_with_its_nanosecond(place, tmp_path):
    samples = [Sample(0, T0 + number, value) for number, value in enumerate(ODD)]
    path = await record(tmp_path / "a.session", samples)
    report = await forward(path, place.target)
    assert report.ended
    assert everything_is_stored(place.server, place.database, path)
    assert len(recorded(path)) == len(ODD)


async def test_bench_device_session_unit_and_quality_are_tags(place, tmp_path):
    path = await record(tmp_path / "a.session", [Sample(2, T0, 12.5)])
    await forward(path, place.target)
    (row,) = place.server.rows(place.database, 'SELECT * FROM "own/heater, big"')
    tags = {"bench": "rig", "device": "heater", "session": SESSION, "unit": "%", "quality": "good"}
    assert row == {"time": T0, "duty": 12.5, **tags}


async def test_a_sample_that_is_not_good_keeps_its_quality_and_reason(place, tmp_path):
    samples = [
        Sample(0, T0, 20.0),
        Sample(0, T0 + 1, 21.0, Quality.UNCERTAIN, 'said "maybe", twice'),
        Sample(0, T0 + 2, math.nan, Quality.BAD, "offline: pulled\nby hand"),
        Sample(0, T0 + 3, math.inf, Quality.BAD),
        Sample(0, T0 + 4, 22.0),
    ]
    path = await record(tmp_path / "a.session", samples)
    report = await forward(path, place.target)
    assert not report.asides
    rows = place.server.rows(
        place.database, 'SELECT temperature, temperature_reason, quality FROM "scpi/thermometer"'
    )
    assert [(r["time"] - T0, r["temperature"], r["temperature_reason"], r["quality"]) for r in rows] == [
        (0, 20, None, "good"),
        (1, 21, 'said "maybe", twice', "uncertain"),
        (2, None, "nan: offline: pulled\nby hand", "bad"),
        (3, None, "inf", "bad"),
        (4, 22, None, "good"),
    ]


async def test_samples_of_one_time_are_all_kept(place, tmp_path):
    samples = [Sample(0, T0, float(number)) for number in range(3)] + [Sample(0, T0 + 1, 3.0)]
    path = await record(tmp_path / "a.session", samples)
    await forward(path, place.target)
    rows = place.server.rows(place.database, 'SELECT temperature, again FROM "scpi/thermometer"')
    assert {(row["time"] - T0, row["temperature"], row["again"]) for row in rows} == {
        (0, 0, None), (0, 1, "1"), (0, 2, "2"), (1, 3, None),
    }  # fmt: skip


async def test_cycles_states_of_twins_commands_events_and_verdicts_are_points_too(place, tmp_path):
    def more(writer):
        log = writer.cycles("hold")
        log.add(T0, 10, 20, 30, 40, OVERRUN, Terms(60.0, 59.5, 10.0, 8.0, 2.0, 0.0))
        log.add(T0 + 1, 11, 21, -1, -1, 0)
        writer.command(
            Command(2, 55.0, "loop hold", T0, T0 + NS, verdict=Verdict.ALLOWED, outcome=Outcome.ACKNOWLEDGED,
                    sent_ns=T0 + 5, done_ns=T0 + 9)
        )  # fmt: skip
        writer.twin_state("heater", T0 + 3, {"air": 21.5, "load": math.nan})
        writer.twin_state("heater", T0 + 4, {"air": math.nan, "load": math.nan})
        writer.event(Event(T0 + 7, Level.WARNING, "probe", "offline", "probe <pulled>\nand a trace"))

    expectations = [{"text": "probe.temperature stays below 85 degC", "verdict": "failed", "margin": -1.5}]
    end = {"verdict": "failed", "expectations": expectations}
    path = await record(tmp_path / "a.session", [], more=more, end=end)
    await forward(path, place.target)

    def rows(what: str) -> list:
        return place.server.rows(place.database, f'SELECT * FROM "testbed.{what}"')

    first, second = rows("cycle")
    assert (first["time"], first["loop"], first["overrun"], first["acknowledged_ns"]) == (
        T0,
        "hold",
        True,
        40,
    )
    assert (second["latency_ns"], second["acknowledged_ns"], second["age_ns"]) == (None, None, 21)
    assert (first["setpoint"], first["measured"], first["output"]) == (60, 59.5, 10)
    assert (first["p"], first["i"], first["d"], second["p"]) == (8, 2, 0, None)
    (state,) = rows("twin")
    assert (state["time"], state["device"], state["air"]) == (T0 + 3, "heater", 21.5)
    (command,) = rows("command")
    assert (command["device"], command["signal"], command["value"]) == ("heater", "duty", 55)
    assert (command["outcome"], command["sent_after_ns"], command["done_after_ns"]) == ("acknowledged", 5, 9)
    (event,) = rows("event")
    assert (event["kind"], event["level"], event["text"]) == (
        "offline",
        "warning",
        "probe <pulled>\nand a trace",
    )
    assert event["mark"].startswith("probe &lt;pulled&gt;<br><a href=")
    assert f"var-session={SESSION}&amp;from={(T0 + 7) // 1_000_000 - 60_000}&amp;to=" in event["mark"]
    assert {(row["expectation"], row["verdict"], row["margin"]) for row in rows("verdict")} == {
        (None, "failed", None), (expectations[0]["text"], "failed", -1.5),
    }  # fmt: skip
    (session,) = rows("session")
    assert (session["file"], session["verdict"], session["seed"]) == ("a.session", "failed", 7)


async def test_forwarding_again_sends_nothing_even_under_another_name(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    await forward(path, place.target)
    requests = len(place.shim.sizes)
    moved = path.rename(tmp_path / "b.session")
    report = await forward(moved, place.target)
    assert (report.samples, report.ended, len(place.shim.sizes)) == (1000, True, requests)


async def test_a_file_that_cannot_be_written_to_is_sent_again_and_changes_nothing(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    await forward(path, place.target)
    before = stored(place.server, place.database, path)
    copy = await record(tmp_path / "copy.session", steady(1000, 2, 1000))
    told: list[str] = []
    other = sqlite3.connect(copy, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # nobody else may write now, not even as root
    report = await forward(copy, place.target, told=told)
    other.close()
    assert report.samples == 1000
    assert [text for text in told if "cannot note how far it was sent" in text] == told
    assert len(told) == 1
    assert stored(place.server, place.database, path) == before


async def test_another_destination_gets_everything_from_the_beginning(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(100, 2, 1000))
    await forward(path, place.target)
    place.server.create("second")
    report = await forward(path, replace(place.target, bucket="second"))
    assert report.samples == 100
    assert everything_is_stored(place.server, "second", path)


async def test_what_goes_over_a_network_is_compressed(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(20_000, 2, 1000))
    with shim(place.server, host="127.0.0.2") as far:
        await forward(path, replace(place.target, url=far.url))
    assert far.encodings == {"gzip"}
    assert sum(far.sizes) < 20_000 * 30  # a line has about 120 bytes
    assert everything_is_stored(place.server, place.database, path)
    assert place.shim.encodings == set()


async def test_chunks_that_are_written_anew_as_one_are_not_sent_twice(tmp_path):
    """As a recording does with small ones when they are old: only what is new in it counts."""
    from testbed.session.forward.outbox import _unsent

    chunk = Chunk(9, 0, 10, array("q", range(5)), array("d", range(5)), bytes(5))
    assert _unsent(chunk, 15) is None
    assert _unsent(chunk, 12) == Chunk(9, 0, 12, array("q", (2, 3, 4)), array("d", (2, 3, 4)), bytes(3))
    assert _unsent(chunk, 0) == chunk


async def test_the_fast_way_and_the_careful_way_give_the_same_lines(tmp_path):
    path = await record(tmp_path / "a.session", steady(3000, 3, 1000))
    with SessionReader(path) as session:
        points = Points(path, METADATA, SIGNALS)
        none = Reasons([], [])
        for chunk in session.chunks():
            fast = points.samples(chunk, none, {})
            assert fast == [line for line in points._one_by_one(chunk, none, {})]  # noqa: C416
            assert len(fast) == len(chunk.times)


async def test_a_batch_is_bounded_however_long_the_session(tmp_path):
    path = await record(tmp_path / "a.session", steady(60_000, 4, 1000), signals=many(4))
    with SessionReader(path) as session:
        outbox, position, sizes = Outbox(session), Position(), []
        longest = max(len(chunk.times) for chunk in session.chunks())
        while (batch := outbox.read(position, limit=1000)).parts:
            sizes.append(batch.size)
            position = batch.position
    assert sum(sizes) >= 60_000
    assert max(sizes) < 1000 + longest + 2  # with the session's own points


async def test_forwarding_leaves_what_was_recorded_as_it_was(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    with SessionReader(path) as session:
        before = digests(session)
    await forward(path, place.target)
    with SessionReader(path) as session:
        assert digests(session) == before


async def test_after_an_outage_all_kinds_of_points_come_in_the_order_of_their_times(tmp_path):
    def each(writer, sample):
        writer.cycles("hold").add(sample.time_ns, 1, 2, 3, 4, 0)
        if sample.time_ns % 7 == 0:
            writer.event(Event(sample.time_ns, Level.INFO, "probe", "online", "probe is online"))

    path = await record(tmp_path / "a.session", steady(30_000, 3, 1000), each=each)
    spans = []
    with SessionReader(path) as session:
        outbox, position = Outbox(session), Position(started=True)
        commit_ns = max(chunk.times[-1] - chunk.times[0] for chunk in session.chunks())
        while (batch := outbox.read(position, limit=1000)).parts and not batch.position.ended:
            times = [int(line.rpartition(" ")[2]) for part in batch.parts for line in part.lines]
            spans.append((min(times), max(times)))
            position = batch.position
    assert len(spans) > 10
    for (_, latest), (earliest, _) in pairwise(spans):
        assert earliest > latest - 2 * commit_ns
