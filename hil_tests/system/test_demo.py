"""The demo bench, nothing plugged in: five devices on four transports, three loops, one session file."""

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from .processes import RIG, testbed

pytestmark = [pytest.mark.needs_system("dbus-daemon"), pytest.mark.timeout(120)]

SIGNALS = {
    "chamber.temperature", "chamber.load_temperature", "chamber.door_open", "chamber.over_temperature",
    "chamber.heater_enable", "chamber.heater_duty", "chamber.setpoint", "probe.temperature", "fan.speed",
    "fan.current", "fan.pwm", "air.temperature", "air.humidity", "air.battery", "vent.position",
    "vent.battery", "vent.opening",
}  # fmt: skip
FOLLOWED = (
    "chamber.temperature", "chamber.load_temperature", "probe.temperature", "air.temperature", "fan.speed",
    "fan.current",
)  # fmt: skip
SIGNALS |= {"chamber.too_hot_in", "chamber.too_hot_in_sigma"}
SIGNALS |= {f"{path}_{said}" for path in FOLLOWED for said in ("predicted", "sigma", "residual")}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The demo as `make demo` runs it: thirty seconds."""
    session = tmp_path_factory.mktemp("demo") / "demo.session"
    result = testbed("run", RIG, "--emulate", "all", "--for", "30s", "--json", "--session", session)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    return json.loads(result.stdout.splitlines()[-1]), session


def rows(session: Path) -> list[dict[str, str]]:
    result = testbed("export", session, "--to", "csv")
    assert result.returncode == 0
    return list(csv.DictReader(result.stdout.splitlines()))


def test_the_verdict_is_passed_and_every_expectation_has_its_margin(demo):
    summary, _ = demo
    assert summary["verdict"] == "passed"
    assert [each["verdict"] for each in summary["expectations"]] == ["passed"] * 5
    assert summary["expectations"][0]["margin"] > 0
    assert summary["expectations"][0]["unit"] == "degC"


def test_every_signal_of_the_five_devices_is_alive(demo):
    summary, _ = demo
    assert set(summary["signals"]) == SIGNALS
    for path, signal in summary["signals"].items():
        assert signal["count"] > 0, path
        assert signal["quality"] == "good", path


def test_the_chamber_holds_sixty_degrees_within_one(demo):
    _, session = demo
    probe = [
        (int(row["time_ns"]), float(row["value"]))
        for row in rows(session)
        if (row["device"], row["signal"]) == ("probe", "temperature")
    ]
    settled = [value for time_ns, value in probe if time_ns > probe[0][0] + 20e9]
    assert len(settled) > 50
    assert max(abs(value - 60) for value in settled) < 1


def test_the_loops_ran_at_their_rates_and_were_timed(demo):
    summary, _ = demo
    assert set(summary["loops"]) == {"hold", "airflow", "dry"}
    assert summary["loops"]["hold"]["cycles"] > 200
    assert summary["loops"]["airflow"]["cycles"] > 1000
    assert summary["loops"]["dry"]["cycles"] >= 4
    for loop in summary["loops"].values():
        assert loop["latency_us"]["p50"] > 0
        assert loop["latency_us"]["p99"] >= loop["latency_us"]["p50"]
        assert loop["lateness_us"]["p50"] >= 0


def test_a_class_a_device_takes_its_command_only_with_an_uplink(demo):
    summary, _ = demo
    dry, hold = (summary["loops"][name]["latency_us"]["p50"] for name in ("dry", "hold"))
    assert dry > 500_000  # RX1 opens a second after the uplink
    assert dry > 100 * hold


def test_the_export_has_every_signal_with_its_unit_in_time_order(demo):
    _, session = demo
    exported = rows(session)
    assert list(exported[0]) == ["time_ns", "device", "signal", "value", "unit", "quality"]
    assert {f"{row['device']}.{row['signal']}" for row in exported} == SIGNALS
    times = [int(row["time_ns"]) for row in exported]
    assert times == sorted(times)
    assert {row["unit"] for row in exported if row["signal"] == "humidity"} == {"%"}


def test_what_was_commanded_is_a_sample_of_the_signal_and_ends_safe(demo):
    _, session = demo
    last = {f"{row['device']}.{row['signal']}": float(row["value"]) for row in rows(session)}
    assert last["chamber.heater_duty"] == 0
    assert last["chamber.heater_enable"] == 0
    assert last["chamber.setpoint"] == 20
    assert last["fan.pwm"] == 30
    assert last["vent.opening"] == 100


def test_show_gives_the_same_object_as_the_run_and_its_digests(demo):
    summary, session = demo
    result = testbed("show", session, "--json")
    assert result.returncode == 0
    shown = json.loads(result.stdout)
    assert set(shown.pop("digest")) == {"file", "stream"}
    assert shown == summary


def test_frames_of_all_wires_were_recorded_both_ways(demo):
    _, session = demo
    with sqlite3.connect(session) as database:
        found = database.execute("SELECT DISTINCT device FROM frames").fetchall()
        commands = database.execute("SELECT DISTINCT outcome FROM commands").fetchall()
        names = {name for (name,) in database.execute("SELECT name FROM attachments")}
    database.close()
    assert {device for (device,) in found} == {"chamber", "probe", "fan", "air", "vent"}
    assert ("acknowledged",) in commands
    assert "bench/thermal-rig.yaml" in names
    assert "profiles/cobs/fan-driver.yaml" in names


def test_the_model_beside_the_chamber_predicts_it(demo):
    _, session = demo
    residual = [float(row["value"]) for row in rows(session) if row["signal"] == "temperature_residual"]
    assert len(residual) > 100
    assert max(map(abs, residual[-50:])) < 2
