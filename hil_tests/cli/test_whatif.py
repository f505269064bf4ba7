"""`testbed whatif` asks the twin of a session what would be under other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import record_rig
from hil_tests.support.plant_changes import CHANGES, RIG, happen
from hil_tests.system.processes import testbed
from testbed.bench import load_bench
from testbed.session.file import SessionReader
from testbed.session.whatif import rebuild


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_rig(tmp_path_factory.mktemp("whatif") / "a.session", 20.0)


def test_more_power_is_warmer_and_the_twin_stands_where_the_signal_was(session: Path) -> None:
    done = testbed(
        "whatif", session, "--at", "+10s", "--for", "8s", "--if", "chamber.heater_duty=80%", "--json"
    )
    told = json.loads(done.stdout)
    assert (told["twin"], told["horizon_s"], told["since_start_s"]) == ("chamber", 8.0, 10.0)
    assert [future["if"] for future in told["futures"]] == ["as it is", "chamber.heater_duty=80%"]
    as_it_is, more = (future["signals"]["probe.temperature"]["values"] for future in told["futures"])
    assert len(as_it_is) == len(told["futures"][0]["times_s"])
    assert more[-1] > as_it_is[-1] + 20
    assert as_it_is[0] == pytest.approx(60, abs=5)  # the loop had brought it there


def test_people_get_a_table_with_a_curve_for_each_quantity(session: Path) -> None:
    done = testbed("whatif", session, "--twin", "fan", "--if", "fan.pwm=80@0s,20@1s", "--for", "2s")
    assert "the twin of fan" in done.stdout
    assert "fan.pwm=80@0s,20@1s" in done.stdout
    assert any(bar in done.stdout for bar in "▃▄▅")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--if", "chamber.heater_dutie=3"], "did you mean 'chamber.heater_duty'?"),
        (["--if", "chamber.heater_duty=3 V"], "is another quantity"),
        (["--if", "nothing"], "tells no future"),
        (["--if", "air.humidity=3"], "air.humidity is no input of this twin"),
        (["--for", "soon"], "--for soon"),
        (["--at", "+30min"], "is not in"),
        (["--twin", "vent"], "vent has no twin with a model"),
    ],
)
def test_what_is_asked_wrongly_is_told(session: Path, arguments: list[str], told: str) -> None:
    done = testbed("whatif", session, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_twin_had_found_changed_is_known_to_its_copy(tmp_path: Path) -> None:
    spoilt = CHANGES["sensor drifts 0.1 K/min"]
    happen(spoilt, tmp_path)
    path = tmp_path / "a.session"
    with SessionReader(path) as session:
        state = [each for each in session.twin_states() if each.device == "chamber"][-1]
        rebuilt = rebuild(session, load_bench(RIG, {}), "chamber", state.time_ns)
    numbers = [sensor.signal.path for sensor in rebuilt.twin.spec.sensors]
    bias = rebuilt.twin.tracker.followed.sensors[numbers.index("chamber.temperature")].bias
    assert bias == pytest.approx(0.167, abs=0.03)
    assert rebuilt.twin.tracker.filter.state[0] == pytest.approx(state.values["air"], abs=0.03)
