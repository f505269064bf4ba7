"""Loops that steer by the twin's model hold a bench, on the real drivers, and replay to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.session.file import SessionReader
from testbed.session.recorded import recorded_bench
from testbed.session.replay import replay_virtually

from .benches import cycles, run_bench

BENCH = """\
twins:
  chamber:
    model: thermal
    outputs: {air: probe.temperature, load: chamber.load_temperature}
    inputs: {heater_duty: chamber.heater_duty}
    sensors:
      probe.temperature: {lag: 0.2 s, noise: 0.02 K}
      chamber.load_temperature: {noise: 0.03 K}
    parameters: {heater_power: 600}   # a wrong model: the heater has 500 W
    rate: 10 Hz
loops:
  hold:
    reads: probe.temperature
    writes: chamber.heater_duty
    setpoint: 45 degC
    rate: 10 Hz
    stale_after: 1 s
    controller: CONTROLLER
"""
CONTROLLERS = {
    "lqr": "{lqr: {error: 0.5 K, effort: 20 %, integral: 3 s}}",
    "mpc": "{mpc: {error: 0.5 K, effort: 20 %, integral: 3 s, horizon: 3 s}}",
}


@pytest.fixture(scope="module", params=CONTROLLERS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = BENCH.replace("CONTROLLER", CONTROLLERS[request.param])
    return run_bench(tmp_path_factory.mktemp(request.param), text, 35)


def test_it_holds_its_setpoint_though_its_model_is_wrong(session):
    settled = [cycle.measured for at, cycle in cycles(session, "hold") if at > 25]
    assert abs(sum(settled) / len(settled) - 45.0) < 0.05
    assert max(abs(each - 45.0) for each in settled) < 0.2
    assert max(cycle.measured for _, cycle in cycles(session, "hold")) < 46.5


def test_its_commands_are_all_allowed_and_nothing_troubles_it(session):
    with SessionReader(session) as reader:
        assert {str(each.verdict) for each in reader.commands()} == {"allowed"}
        assert "trouble" not in {event.kind for event in reader.events()}


def test_a_replay_gives_the_same_commands_to_the_last_bit(session, tmp_path):
    with SessionReader(session) as reader:
        replayed = replay_virtually(reader, recorded_bench(reader, tmp_path), tmp_path / "again.session")
        first = [(each.time_ns, each.value) for each in reader.commands()]
    with SessionReader(replayed.path) as reader:
        assert [(each.time_ns, each.value) for each in reader.commands()] == first
