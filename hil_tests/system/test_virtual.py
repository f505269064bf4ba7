"""`testbed run --virtual`: the whole demo bench in one process, the same to the last byte on every run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from testbed.session.file import SessionReader

from .processes import RIG, testbed

DIGEST_LENGTH = 64

SHARED = """
bench: shared-wires
devices:
  one: {profile: modbus/thermal-chamber, wire: "modbus+tcp://10.0.0.5:502?unit=1"}
  two: {profile: modbus/thermal-chamber, wire: "modbus+tcp://10.0.0.5:502?unit=2"}
  three: {profile: modbus/heater-node, wire: "modbus+rtu:///dev/ttyUSB7?unit=3&baud=115200"}
  four: {profile: modbus/heater-node, wire: "modbus+rtu:///dev/ttyUSB7?unit=4&baud=115200"}
"""


def run(session: Path, *arguments: str, bench: Path = RIG, **environment: str) -> dict[str, object]:
    """Run the demo bench in virtual time; returns its JSON."""
    changed = {**os.environ, **environment}
    done = testbed("run", bench, "--virtual", "--session", session, "--json", *arguments, env=changed)
    assert done.returncode in (0, 4), done.stderr  # 4: shorter than the vent needs to be heard of
    summary: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return summary


def digest(session: Path) -> str:
    """Return the digest of the recorded stream."""
    shown = json.loads(testbed("show", session, "--json").stdout)
    found: str = shown["digest"]["stream"]
    assert len(found) == DIGEST_LENGTH
    return found


def test_the_demo_bench_holds_its_temperature_with_the_real_drivers_on_all_transports(tmp_path: Path) -> None:
    summary = run(tmp_path / "a.session", "--for", "2 min")
    assert summary["verdict"] == "passed"
    signals = summary["signals"]
    assert isinstance(signals, dict)
    assert abs(signals["probe.temperature"]["last"] - 60) < 1
    assert all(signal["count"] and signal["quality"] == "good" for signal in signals.values())
    frames = summary["frames"]
    assert isinstance(frames, dict)
    assert set(frames) == {"chamber", "probe", "fan", "air", "vent"}, "bytes passed on every wire"


def test_the_same_seed_gives_the_same_digest_whatever_hash_seed_time_zone_and_day(tmp_path: Path) -> None:
    digests = set()
    for number, zone in enumerate(("UTC", "Asia/Tokyo", "America/St_Johns")):
        session = tmp_path / f"{number}.session"
        run(session, "--for", "20s", PYTHONHASHSEED=str(number + 1), TZ=zone)
        digests.add(digest(session))
    assert len(digests) == 1


def test_another_seed_gives_another_digest(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        run(tmp_path / f"{seed}.session", "--for", "5s", "--seed", seed)
    assert digest(tmp_path / "1.session") != digest(tmp_path / "2.session")


def test_nothing_is_late_and_cause_stands_before_effect(tmp_path: Path) -> None:
    summary = run(tmp_path / "a.session", "--for", "5s")
    loops = summary["loops"]
    assert isinstance(loops, dict)
    assert loops["airflow"]["lateness_us"]["p99"] == 0
    assert loops["airflow"]["latency_us"]["p50"] > 0
    with SessionReader(tmp_path / "a.session") as session:
        assert session.meta()["mode"] == "virtual"
        for command in session.commands():
            assert command.time_ns <= command.sent_ns < command.done_ns or not command.sent_ns


def test_actuators_end_at_their_safe_values(tmp_path: Path) -> None:
    summary = run(tmp_path / "a.session", "--for", "10s")
    signals = summary["signals"]
    assert isinstance(signals, dict)
    ends = {path: signals[path]["last"] for path in ("chamber.heater_duty", "fan.pwm", "vent.opening")}
    assert ends == {"chamber.heater_duty": 0, "fan.pwm": 30, "vent.opening": 100}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say how long"),
        (("--for", "1s", "--emulate", "fan"), "leaves out chamber, probe, air, vent"),
    ],
)
def test_what_makes_no_sense_in_virtual_time_is_a_usage_error(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = testbed("run", RIG, "--virtual", "--session", tmp_path / "a.session", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.session").exists()


_THEIRS = """
import os
import threading
import time

from testbed.drivers.scpi import ScpiDriver
from testbed.emulators.played.dialects import scpi as dialect
from testbed.emulators.scpi import serve


class PollingDriver(ScpiDriver):
    async def connect(self):
        if "POLL" in os.environ:
            threading.Thread(target=self.poll, name="poller", daemon=True).start()
        await super().connect()

    def poll(self):
        while True:
            time.sleep(1)
"""

_POINTS = """
[testbed.drivers]
theirs = their_polling:PollingDriver
[testbed.emulators]
theirs = their_polling:serve
[testbed.dialects]
theirs = their_polling:dialect
"""

_BENCH = """
bench: polled
devices:
  probe: {profile: thermometer, wire: "serial:///dev/ttyUSB0?baud=115200"}
plant: {model: thermal-chamber, connect: {air_temperature: probe.temperature}}
"""

_PROFILE = """
profile: thermometer
protocol: theirs
identity: "THEIRS,1"
signals:
  temperature: {query: "MEAS:TEMP?", unit: degC, rate: 10 Hz}
"""


@pytest.fixture
def their_bench(tmp_path: Path) -> Path:
    """A bench whose driver comes from another package and, with POLL set, starts a thread."""
    package = tmp_path / "package"
    info = package / "their_polling-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-polling\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_POINTS)
    (package / "their_polling.py").write_text(_THEIRS)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "thermometer.yaml").write_text(_PROFILE)
    (tmp_path / "bench.yaml").write_text(_BENCH)
    return tmp_path / "bench.yaml"


def test_a_driver_that_starts_a_thread_is_refused_by_name_when_it_runs_and_when_it_is_replayed(
    their_bench: Path,
) -> None:
    session = their_bench.with_name("first.session")
    clean = {**os.environ, "PYTHONPATH": str(their_bench.parent / "package")}
    polling = {**clean, "POLL": "1"}
    arguments = ("--virtual", "--for", "2s", "--session")
    assert testbed("run", their_bench, *arguments, session, env=clean).returncode == 0
    for refused in (
        testbed("run", their_bench, *arguments, session.with_name("second.session"), env=polling),
        testbed("replay", session, env=polling),
    ):
        assert refused.returncode == 2
        assert "a thread (poller, running PollingDriver.poll) would break virtual time" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_units_at_one_wire_run_in_virtual_time_and_replay(tmp_path: Path) -> None:
    bench = tmp_path / "bench.yaml"
    bench.write_text(SHARED)
    session = tmp_path / "a.session"
    assert run(session, "--for", "20s", bench=bench)["verdict"] == "passed"
    assert testbed("replay", session).returncode == 0
    assert testbed("replay", session, "--decode").returncode == 0
