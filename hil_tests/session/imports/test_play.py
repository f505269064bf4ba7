"""A recording is played by emulated devices: the real driver reads, on a real wire, what was recorded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hil_tests.system.processes import ROOT, testbed
from testbed.bench import BenchFileError, load_bench
from testbed.session.file import SessionReader
from testbed.session.imports import open_csv, write_session
from testbed.session.plant import make_plant
from testbed.session.resolved import resolved_bench
from testbed.session.verify import verify

LOGGER = "time [s],air [degF],door\n10,50,0\n11,59,1\n12,,1\n13,68,0\n"


def bench(folder: Path, plant: str, logger: str = LOGGER) -> Path:
    """Write a bench with two thermometers, and a recording beside it."""
    (folder / "logger.csv").write_text(logger)
    (folder / "bench.yaml").write_text(
        "bench: b\n"
        "devices:\n"
        '  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}\n'
        '  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://10.0.0.5"}\n'
        f"plant: {plant}\n"
    )
    return folder / "bench.yaml"


def plant(folder: Path, text: str, logger: str = LOGGER):
    return make_plant(load_bench(bench(folder, text, logger), {}))


def values(session: Path, signal: str) -> list[float]:
    with SessionReader(session) as reader:
        return list(reader.series(reader.signal(signal).id)[1])


def test_outputs_follow_the_columns_in_the_unit_of_the_signals_that_they_feed(tmp_path):
    found = plant(
        tmp_path,
        "{model: recording, file: logger.csv, connect: {air: probe.temperature, door: chamber.door_open}}",
    )
    seen = []
    for seconds in (0, 1, 1, 1):
        found.step(seconds)
        seen.append((round(found.output("air"), 9), found.output("door")))
    assert seen == [(10.0, 0.0), (15.0, 1.0), (15.0, 1.0), (20.0, 0.0)]


def test_a_session_is_played_as_its_file_was(tmp_path):
    csv = bench(tmp_path, "{model: thermal-chamber, connect: {}}").with_name("logger.csv")
    write_session(open_csv(csv), csv, tmp_path / "logger.session")
    found = plant(
        tmp_path, "{model: recording, file: logger.session, connect: {logger_air: probe.temperature}}"
    )
    assert found.output("logger_air") == pytest.approx(10.0)


WRONG = [
    ("{model: recording, connect: {}}", "5:16: a recording needs a file to play (add for example file: "),
    (
        "{model: thermal-chamber, file: logger.csv, connect: {}}",
        "5:39: thermal-chamber takes no file (recordi",
    ),
    ("{model: recording, file: gone.csv, connect: {}}", "5:33: cannot read "),
    ("{model: recording, file: gone.session, connect: {}}", "5:33: there is no session file "),
    ("{model: recording, file: bench.yaml, connect: {}}", "5:33: "),
    ("{model: recording, file: logger.csv, connect: {iar: probe.temperature}}", "did you mean 'air'?"),
    (
        "{model: recording, file: logger.csv, connect: {air: chamber.heater_duty}}",
        "'0 degF' does not fit: expected %",
    ),
    (
        "{model: recording, file: logger.csv, connect: {air: [probe.temperature, chamber.heater_duty]}}",
        "feeds signals in different units (%, degC)",
    ),
    (
        "{model: recording, file: logger.csv, connect: {chamber.heater_duty: air}}",
        "recording has no input 'air'",
    ),
    (
        "{model: recording, file: logger.csv, parameters: {speed: 0}, connect: {air: probe.temperature}}",
        "speed must be above 0",
    ),
    (
        "{model: recording, file: logger.csv, parameters: {sped: 2}, connect: {air: probe.temperature}}",
        "unknown parameter 'sped' (did you mean 'speed'?)",
    ),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
async def test_what_cannot_be_played_is_told_at_its_place_before_anything_is_opened(tmp_path, text, told):
    with pytest.raises(BenchFileError) as caught:
        await verify(load_bench(bench(tmp_path, text), {}))
    assert told in str(caught.value)


async def test_a_mistake_in_the_recording_is_told_with_its_line(tmp_path):
    text = "{model: recording, file: logger.csv, connect: {air: probe.temperature}}"
    with pytest.raises(BenchFileError, match=r"logger\.csv:3: column 2 \(air \[degF\]\): 'x' is no number"):
        await verify(load_bench(bench(tmp_path, text, "time,air [degF]\n0,1\n1,x\n"), {}))


async def test_a_column_without_a_value_cannot_be_played(tmp_path):
    text = "{model: recording, file: logger.csv, connect: {air: probe.temperature}}"
    with pytest.raises(BenchFileError, match="has no value that could be played"):
        await verify(load_bench(bench(tmp_path, text, "time,air [degC],b\n0,,1\n"), {}))


def test_the_example_is_played_in_virtual_time_to_the_last_sample(tmp_path):
    done = testbed(
        "run", ROOT / "benches" / "cold-store.yaml", "--virtual", "--for", "70s", "--session",
        tmp_path / "a.session", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "passed"
    logged = list(open_csv(ROOT / "benches" / "cold-store.csv").records())
    expected = {round((record.value - 32) / 1.8, 6) for record in logged if record.signal == 0}  # type: ignore[union-attr]
    read = {round(value, 6) for value in values(tmp_path / "a.session", "probe.temperature")}
    assert len(read) > 100
    assert read <= expected


def test_a_session_says_which_recording_was_played(tmp_path):
    read = load_bench(ROOT / "benches" / "cold-store.yaml", {})
    told = resolved_bench(read, 0)["plant"]
    content = (ROOT / "benches" / "cold-store.csv").read_bytes()
    assert (told["file"], told["sha256"]) == ("cold-store.csv", hashlib.sha256(content).hexdigest())
    assert told["parameters"] == {"start": 0.0, "speed": 2.0, "repeat": 0.0}


def test_what_one_run_recorded_another_one_reads_on_a_real_wire(tmp_path):
    example = ROOT / "benches" / "cold-store.yaml"
    run = testbed("run", example, "--virtual", "--for", "30s", "--session", tmp_path / "first.session")
    assert run.returncode in (0, 1), run.stderr
    played = tmp_path / "played.yaml"
    played.write_text(
        example.read_text()
        .replace("cold-store.csv", "first.session")
        .replace("speed: 2", "speed: 10")
        .replace("{Air:", "{temperature:")
    )
    again = testbed("run", played, "--emulate", "all", "--for", "4s", "--session", tmp_path / "b.session")
    assert again.returncode in (0, 1), again.stderr
    first, second = (values(tmp_path / f"{name}.session", "probe.temperature") for name in ("first", "b"))
    assert len(set(second)) > 20
    assert set(second) <= set(first)
