"""Every twin tells what was wanted, said and confirmed; what is wrong with a part is wrong with the whole."""

from __future__ import annotations

import json
from pathlib import Path

from hil_tests.system.processes import RIG, testbed
from testbed.bench import PlannedFault, load_bench
from testbed.session.file import SessionReader
from testbed.session.memory import Learned, Memory
from testbed.session.standing import BenchStand, DeviceStand, Health, as_dict, standing
from testbed.session.virtual import run_virtually
from testbed.signals import Quality
from testbed.twin.update import Version

WEAK = Version(2, "heater_power", False, "W", 500.0, 400.0, 2.0, 0, 9_000_000_000, 30.0, "it heats less")


def stand(path: Path, seconds: float, *faults: PlannedFault, **options: object) -> BenchStand:
    """Run the demo bench in virtual time and return how it stands at the end."""
    bench = load_bench(RIG, {})
    planned = [(fault, "a test") for fault in faults]
    run_virtually(bench, path, seconds, seed=1, tell=lambda event: None, faults=planned, **options)  # type: ignore[arg-type]
    with SessionReader(path) as session:
        return standing(session, bench)


def of(found: BenchStand, name: str) -> DeviceStand:
    return next(device for device in found.devices if device.name == name)


def test_a_bench_that_is_well_tells_what_it_said_how_sure_that_is_and_who_wanted_what(tmp_path):
    found = stand(tmp_path / "well.session", 12.0)
    assert (found.health, found.why) == (Health.GOOD, "")
    chamber = {each.signal.name: each for each in of(found, "chamber").signals}
    temperature, setpoint = chamber["temperature"], chamber["setpoint"]
    assert temperature.quality is Quality.GOOD
    assert 0 < temperature.sigma < 0.5
    assert 0 <= found.time_ns - temperature.time_ns < 5e9
    assert setpoint.desired is not None
    assert setpoint.confirmed is not None
    assert (setpoint.desired.who, setpoint.desired.value) == ("safe state", 20.0)
    assert setpoint.confirmed.value == setpoint.value == 20.0
    assert as_dict(found)["devices"]["chamber"]["signals"]["setpoint"]["confirmed"]["value"] == 20.0


def test_a_device_that_is_gone_is_bad_and_so_is_the_bench_and_nobody_else(tmp_path):
    found = stand(tmp_path / "gone.session", 12.0, PlannedFault("fan", "disconnect", 5.0, 60.0, {}))
    fan = of(found, "fan")
    assert fan.health is found.health is Health.BAD
    assert found.why == f"fan: {fan.why}"
    assert "offline" in fan.why
    assert {each.name for each in found.devices if each.health is Health.BAD} == {"fan"}
    (pwm,) = (each for each in fan.signals if each.signal.writable)
    assert pwm.desired is not None
    assert (pwm.desired.value, pwm.desired.who) == (30.0, "loop airflow: fan.speed is stale")
    assert pwm.refusal, "what could not be applied is said, with the reason"
    assert pwm.confirmed is not None
    assert pwm.confirmed.who == "loop airflow"


def test_a_thermometer_that_lies_makes_its_own_device_doubtful_not_the_chamber_that_it_looks_at(tmp_path):
    lies = PlannedFault("probe", "drifting", 5.0, None, {"signal": "temperature", "rate": 300.0})
    found = stand(tmp_path / "lies.session", 14.0, lies)
    probe, chamber = of(found, "probe"), of(found, "chamber")
    assert probe.health is Health.DOUBTFUL
    assert "not believed" in probe.why
    assert chamber.why == "" or "probe" not in chamber.signals[0].why
    assert all(each.health is Health.GOOD for each in chamber.signals)


def test_what_has_changed_and_is_followed_is_told_as_changed(tmp_path):
    memory = Memory("friday", {}, {"chamber": Learned({"heater_power": 400.0}, (WEAK,))})
    weak = PlannedFault("chamber", "heater_weak", 0.0, None, {})
    found = stand(tmp_path / "weak.session", 12.0, weak, memory=memory)
    chamber = of(found, "chamber")
    assert (chamber.health, chamber.version) == (Health.CHANGED, 2)
    assert "heater_power is 400 W" in chamber.why
    assert found.why == f"chamber: {chamber.why}"


def test_what_wears_is_told_with_how_long_it_lasts_or_that_it_is_worn_out(tmp_path):
    day = 86_400_000_000_000
    begin_ns = 946_684_800 * 1_000_000_000 - 20 * day  # virtual time begins in 2000
    history = tuple(("heater_power", begin_ns + day * number, 500.0 - 5 * number) for number in range(20))
    memory = Memory("friday", {}, {"chamber": Learned({"heater_power": 405.0}, (), history)})
    rig = tmp_path / "wears.yaml"
    for limit, expected in (
        ("below 350 W", "heater_power is 405 W and reaches 350 in 11 days"),
        ("below 0.45 kW", "heater_power is 405, and worn out at 450 W"),
        ("above 600 W", "heater_power shows no way to 600 W yet"),
    ):
        learns = "    learns:\n      wears: {heater_power: " + limit + "}\n"
        rig.write_text(RIG.read_text().replace("    learns:\n", learns, 1))
        path = tmp_path / f"{limit[:5]}{limit[-2]}.session"
        bench = load_bench(rig, {})
        run_virtually(bench, path, 2.0, seed=1, tell=lambda event: None, memory=memory)
        with SessionReader(path) as session:
            chamber = of(standing(session, bench), "chamber")
        (lasting,) = chamber.lasts
        assert str(lasting).startswith(expected)
        assert chamber.health is (Health.DOUBTFUL if lasting.worn else Health.GOOD)


def test_the_command_shows_them_of_a_session_and_names_the_nearest_device(tmp_path):
    path = tmp_path / "shown.session"
    stand(path, 3.0)
    told = testbed("twins", path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("thermal-rig is good")
    assert "60 by" in told.stdout or "20 by safe state" in told.stdout
    devices = json.loads(testbed("twins", path, "--device", "fan", "--json").stdout)["devices"]
    assert list(devices) == ["fan"]
    assert devices["fan"]["signals"]["speed"]["reported"]["unit"] == "rpm"
    wrong = testbed("twins", path, "--device", "fann")
    assert wrong.returncode == 2
    assert "no device 'fann'" in wrong.stderr
