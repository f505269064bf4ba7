"""`testbed replay`: the run on the bench is the test in CI, and what was changed since is found by name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from testbed.session.file import SessionReader
from testbed.session.file.checks import seal
from testbed.session.file.schema import columns

from .processes import RIG, testbed

SECONDS = "12s"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record the demo bench on real wires: ptys, sockets, a D-Bus and a broker."""
    session = tmp_path_factory.mktemp("recorded") / "friday.session"
    done = testbed("run", RIG, "--emulate", "all", "--for", SECONDS, "--session", session, "--json")
    assert done.returncode in (0, 1, 4), done.stderr  # shorter than its expectations need
    return session


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record the demo bench in virtual time."""
    session = tmp_path_factory.mktemp("simulated") / "virtual.session"
    done = testbed("run", RIG, "--virtual", "--for", SECONDS, "--session", session, "--json")
    assert done.returncode in (0, 1, 4), done.stderr
    return session


def replay(session: Path, *arguments: str | Path, expected: int) -> dict[str, Any]:
    """Replay a session; returns its JSON."""
    done = testbed("replay", session, "--json", *arguments)
    assert done.returncode == expected, f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def changed(session: Path, folder: Path, change: Callable[[sqlite3.Connection], None]) -> Path:
    """Return a copy of a session with its content changed on purpose, and whole."""
    copy = folder / "changed.session"
    copy.write_bytes(session.read_bytes())
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        change(database)
        names = columns()["frames"]
        for row in database.execute("SELECT * FROM frames").fetchall():
            at = names.index("crc")
            crc = seal("frames", *row[:at], *row[at + 1 :])[at]
            database.execute("UPDATE frames SET crc = ? WHERE id = ?", (crc, row[0]))
    return copy


def test_a_run_on_real_wires_replays_in_virtual_time_with_every_command_the_same(recording: Path) -> None:
    told = replay(recording, "--virtual", expected=0)
    assert told["verdict"] == "same"
    assert told["divergences"] == []
    for path in ("chamber.heater_duty", "fan.pwm"):
        commands = told["commands"][path]
        assert commands["a"] == commands["b"] > 50
        assert commands["max_error"] == 0
    assert told["signals"]["probe.temperature"]["max_shift_s"] == 0, "samples keep their recorded times"


def test_a_run_in_virtual_time_replays_strictly(simulated: Path) -> None:
    told = replay(simulated, expected=0)
    assert told["strict"]
    assert {"frames", "samples", "commands"} <= set(told["compared"])


def test_a_replay_keeps_to_the_order_in_which_a_busy_machine_came_to_hear_its_devices(
    simulated: Path, tmp_path: Path
) -> None:
    def overtake(database: sqlite3.Connection) -> None:
        with SessionReader(simulated) as session:
            heard = [sample.time_ns for sample in session.samples([session.signal("air.temperature").id])]
        late = enumerate(heard[3:6], 1)
        rows = [seal("overtaken", n, "air", time_ns, time_ns + 30_000_000) for n, time_ns in late]
        database.executemany("INSERT INTO overtaken VALUES (?, ?, ?, ?, ?)", rows)
        number, value = database.execute("SELECT id, value FROM meta WHERE key = 'totals'").fetchone()
        totals = json.dumps({**json.loads(value), "overtaken": len(rows)})
        database.execute("REPLACE INTO meta VALUES (?, ?, ?, ?)", seal("meta", number, "totals", totals))

    busy, heard = changed(simulated, tmp_path, overtake), tmp_path / "heard.session"
    first = replay(busy, "--session", heard, expected=1)["first"]
    expected = ("chamber.temperature_predicted", "probe.temperature_predicted")
    assert first["signal"] in expected, "others were heard before the air"
    with SessionReader(heard) as session:
        assert len(session.overtaken()) >= 3
    assert replay(heard, expected=0)["strict"]


def test_replaying_twice_gives_the_same_digest(recording: Path, tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        replay(recording, "--session", tmp_path / f"{name}.session", expected=0)
        shown = json.loads(testbed("show", tmp_path / f"{name}.session", "--json").stdout)
        digests.add(shown["digest"]["stream"])
    assert len(digests) == 1


def test_a_session_decodes_to_its_own_samples(recording: Path) -> None:
    assert replay(recording, "--decode", expected=0)["verdict"] == "same"


def test_a_gain_changed_by_a_third_of_a_thousandth_is_found_at_its_first_command(
    recording: Path, tmp_path: Path
) -> None:
    bench = tmp_path / "changed.yaml"
    bench.write_text(RIG.read_text().replace("kp: 20,", "kp: 20.006,"))
    told = replay(recording, "--bench", bench, expected=1)
    first = told["first"]
    assert (first["kind"], first["signal"]) == ("command", "chamber.heater_duty")
    assert first["expected"]["value"] != first["came"]["value"]
    assert told["commands"]["fan.pwm"]["max_error"] == 0, "what was not changed stays the same"
    assert told["what_if"]["expectations"], "with a plant it also tells what would have happened"
    assert told["what_if"]["signals"]["chamber.temperature"]["max_error"] > 0


def test_a_bit_flipped_in_one_recorded_frame_is_found_with_its_device_and_time(
    recording: Path, tmp_path: Path
) -> None:
    when: list[int] = []

    def flip(database: sqlite3.Connection) -> None:
        number, blob, times, lengths, directions = database.execute(
            "SELECT id, data, times, lengths, directions FROM frames WHERE device = 'probe' ORDER BY id"
        ).fetchone()
        data, at = bytearray(blob), 0
        for index, direction in enumerate(directions):
            size = int.from_bytes(lengths[4 * index : 4 * index + 4], "little")
            if index > 20 and direction == 0:
                data[at + size - 2] ^= 0x01  # the last digit of a reading
                when.append(int.from_bytes(times[8 * index : 8 * index + 8], "little"))
                break
            at += size
        database.execute("UPDATE frames SET data = ? WHERE id = ?", (bytes(data), number))

    session = changed(recording, tmp_path, flip)
    for kind in ("--virtual", "--decode"):
        first = replay(session, kind, expected=1)["first"]
        assert first["device"] == "probe", kind
        assert "temperature" in first["signal"], kind
    assert when


def test_a_changed_rounding_in_a_profile_is_found_by_decoding(recording: Path, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "testbed/bench/profiles/cobs/fan-driver.yaml"
    (tmp_path / "fan.yaml").write_text(source.read_text().replace("scale: 0.001", "scale: 0.00100001"))
    first = replay(recording, "--decode", "--profiles", tmp_path, expected=1)["first"]
    assert (first["device"], first["signal"]) == ("fan", "current")


def test_a_cut_recording_exits_3_and_says_how_to_save_what_is_whole(recording: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.session"
    cut.write_bytes(recording.read_bytes()[:-20_000])
    for kind in ("--virtual", "--decode", "--wire"):
        done = testbed("replay", cut, kind)
        assert done.returncode == 3, kind
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--virtual", "--wire"), "different kinds of replay"),
        (("--wire", "--html", "x.html"), "--html is for --virtual"),
        (("--bench", "no-such.yaml"), "no-such.yaml"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(recording: Path, arguments: tuple[str, ...], told: str) -> None:
    done = testbed("replay", recording, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
