"""What is known of real devices outlasts a session, and is never taken for a measurement or a command."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from hil_tests.system.processes import RIG, testbed
from testbed.bench import Bench, PlannedFault, load_bench
from testbed.errors import DamagedInput
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.session.file.checks import seal
from testbed.session.memory import Learned, Memory, learned, memory_of, recall
from testbed.session.virtual import run_virtually
from testbed.signals import Event, Quality
from testbed.twin.models import make_model

CHAMBER = "chamber.temperature"


def run(
    path: Path, seconds: float, memory: Memory | None = None, weak_at: float = 10.0
) -> tuple[list[Event], list[tuple[str, Quality, float]]]:
    """Run the demo bench with a heater that loses a fifth; returns events, and what it began with."""
    events: list[Event] = []
    known: list[tuple[str, Quality, float]] = []

    def look(parts: Assembly) -> None:
        for reading in parts.mirror.readings:
            value = parts.mirror.value(reading.signal)
            known.append((reading.signal.path, reading.last.quality, value))

    fault = PlannedFault("chamber", "heater_weak", weak_at, None, {})
    run_virtually(
        load_bench(RIG, {}), path, seconds, seed=1, tell=events.append, assembled=look,
        faults=[(fault, "a test")], memory=memory,
    )  # fmt: skip
    return events, known


def as_real(session: Path, devices: Sequence[str] = ("air", "chamber", "fan", "probe", "vent")) -> None:
    """Let a session say that these devices were real."""
    with closing(sqlite3.connect(session, isolation_level=None)) as database:
        rows = dict(database.execute("SELECT key, value FROM meta WHERE key IN ('mode', 'devices')"))
        told: dict[str, Any] = json.loads(rows["devices"])
        for name in devices:
            told[name]["emulated"] = False
        for key, value in {"mode": "real", "devices": told}.items():
            (number,) = database.execute("SELECT id FROM meta WHERE key = ?", (key,)).fetchone()
            row = seal("meta", number, key, json.dumps(value))
            database.execute("REPLACE INTO meta VALUES (?, ?, ?, ?)", row)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return load_bench(RIG, {})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a bench whose chamber's heater loses a fifth of its power."""
    session = tmp_path_factory.mktemp("friday") / "friday.session"
    run(session, 70.0)
    as_real(session)
    return session


def test_values_and_what_twins_learned_are_known_afterwards_with_span_score_and_reason(first, bench):
    memory = recall(first.parent, bench, emulated=())
    assert memory is not None
    assert memory.session == "friday"
    assert 15 < memory.readings[CHAMBER][0] < 85
    assert "chamber.heater_duty" not in memory.readings, "what an actuator was told need not hold any more"
    chamber = memory.of("chamber")
    assert chamber.values["heater_power"] == pytest.approx(400, rel=0.03)
    (version,) = chamber.versions
    assert version.number == 2
    assert version.span_s > 5
    assert version.gain > 0
    assert "read less than expected" in version.reason
    assert str(chamber).startswith("heater_power is ")


def test_the_next_session_goes_on_with_them_and_replays(first, bench, tmp_path):
    memory, second = recall(first.parent, bench, emulated=()), tmp_path / "saturday.session"
    assert memory is not None
    events, known = run(second, 10.0, memory, weak_at=0.0)
    for path, quality, value in known:
        assert quality is (Quality.UNCERTAIN if path in memory.readings else Quality.BAD), path
        assert math.isnan(value), "nothing is taken for a measurement before there is one"
    said = [event.text for event in events if event.source == "chamber" and event.kind == "remembers"]
    assert [text.partition(":")[0] for text in said] == [
        "chamber goes on with what its twin had learned in friday"
    ]
    with SessionReader(second) as session:
        assert memory_of(session) == memory
        spec = bench.twins["chamber"].model
        assert spec is not None
        assert learned(session, "chamber", spec) == memory.of("chamber")
    told = testbed("replay", second, "--json")
    assert told.returncode == 0, told.stdout[-800:] + told.stderr[-800:]
    assert json.loads(told.stdout)["strict"]


def test_it_replays_through_a_bench_that_knows_nothing_of_some_of_it(first, bench, tmp_path):
    memory, second = recall(first.parent, bench, emulated=()), tmp_path / "sunday.session"
    assert memory is not None
    of_old = {**memory.readings, "chamber.pressure": (1.0, 1)}
    known = memory.of("chamber")
    twins = {"chamber": Learned({**known.values, "inductance": 2.0}, known.versions)}
    run(second, 3.0, Memory("friday", of_old, twins), weak_at=0.0)
    told = testbed("replay", second, "--json")
    assert told.returncode == 0, told.stdout[-800:] + told.stderr[-800:]


def test_without_it_the_same_heater_is_foretold_wrong(first, bench, tmp_path):
    memory, told = recall(first.parent, bench, emulated=()), {}
    for name, known in (("knows", memory), ("knows not", None)):
        run(tmp_path / f"{name}.session", 15.0, known, weak_at=0.0)
        with SessionReader(tmp_path / f"{name}.session") as session:
            residuals = session.samples([session.signal("probe.temperature_residual").id])
            told[name] = math.sqrt(fmean(sample.value**2 for sample in list(residuals)[30:]))
    assert told["knows"] < told["knows not"] / 2


def test_emulated_devices_are_new_each_time_and_leave_nothing(first, bench, tmp_path):
    assert recall(first.parent, bench, emulated=list(bench.devices)) is None
    only_probe = tmp_path / "probe.session"
    only_probe.write_bytes(first.read_bytes())
    with closing(sqlite3.connect(only_probe, isolation_level=None)) as database:
        number, value = database.execute("SELECT id, value FROM meta WHERE key = 'devices'").fetchone()
        devices = {name: {**told, "emulated": name != "probe"} for name, told in json.loads(value).items()}
        row = seal("meta", number, "devices", json.dumps(devices))
        database.execute("REPLACE INTO meta VALUES (?, ?, ?, ?)", row)
    memory = recall(tmp_path, bench, emulated=())
    assert memory is not None
    assert set(memory.readings) == {"probe.temperature"}
    assert not memory.twins


def test_a_twin_whose_model_says_otherwise_in_the_bench_file_begins_with_what_the_file_says(first, bench):
    spec = bench.twins["chamber"].model
    assert spec is not None
    other = replace(spec, parameters={**spec.parameters, "heater_power": 480.0})
    twins = {**bench.twins, "chamber": replace(bench.twins["chamber"], model=other)}
    memory = recall(first.parent, replace(bench, twins=twins), emulated=())
    assert memory is not None
    assert "chamber" not in memory.twins


def test_what_a_filter_strayed_to_beyond_a_bound_is_remembered_at_the_bound(first, bench, tmp_path):
    session = tmp_path / "strayed.session"
    session.write_bytes(first.read_bytes())
    with closing(sqlite3.connect(session, isolation_level=None)) as database:
        number, *row = database.execute(
            "SELECT id, device, time_ns, state FROM twin_states WHERE device = 'chamber' ORDER BY id DESC"
        ).fetchone()
        state = json.dumps({**json.loads(row[2]), "heater_power": -3.0, "ambient": None})
        sealed = seal("twin_states", number, *row[:2], state)
        database.execute("REPLACE INTO twin_states VALUES (?, ?, ?, ?, ?)", sealed)
    memory = recall(tmp_path, bench, emulated=())
    assert memory is not None
    spec = bench.twins["chamber"].model
    assert spec is not None
    chamber = memory.of("chamber")
    assert "ambient" not in chamber.values, "what is not known is not remembered"
    model = make_model(spec, chamber.parameters(spec))
    (power,) = (each for each in model.PARAMETERS if each.name == "heater_power")
    assert chamber.values["heater_power"] == power.low


def test_a_memory_that_cannot_be_read_is_told_and_keeps_no_run_from_beginning(first, bench, tmp_path):
    session = tmp_path / "strange.session"
    session.write_bytes(first.read_bytes())
    with closing(sqlite3.connect(session, isolation_level=None)) as database:
        (number,) = database.execute("SELECT id FROM meta WHERE key = 'memory'").fetchone()
        row = seal("meta", number, "memory", json.dumps({"session": "friday", "twins": {"chamber": {}}}))
        database.execute("REPLACE INTO meta VALUES (?, ?, ?, ?)", row)
    with SessionReader(session) as reader, pytest.raises(DamagedInput, match="what it began with"):
        memory_of(reader)
    assert recall(tmp_path, bench, emulated=()) is None


def test_damaged_sessions_are_passed_over_and_the_newest_counts(first, bench, tmp_path):
    for name in ("older", "newer"):
        (tmp_path / f"{name}.session").write_bytes(first.read_bytes())
    (tmp_path / "newest.session").write_bytes(first.read_bytes()[:5000])
    memory = recall(tmp_path, bench, emulated=())
    assert memory is not None
    assert memory.session == "newer"
    assert recall(tmp_path / "nowhere", bench, emulated=()) is None
