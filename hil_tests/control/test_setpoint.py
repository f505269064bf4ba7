"""Setpoints that move: by an outer loop, by a person, along a course; each is on the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.support.by_hand import run_by_hand
from testbed.clock import VirtualClock
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.session.recorded import recorded_bench
from testbed.session.replay import replay_virtually
from testbed.signals import Outcome

from .benches import bench_of, cycles, run_bench, values

CASCADE = """\
loops:
  air:
    reads: probe.temperature
    writes: chamber.heater_duty
    controller: {pid: {kp: 20, ki: 1.2}}
    setpoint: {value: 25 degC, limits: [20 degC, 60 degC], slew: 5 K/s}
    rate: 10 Hz
    stale_after: 1 s
  load:
    reads: chamber.load_temperature
    writes: air.setpoint
    controller: {pid: {kp: 3, ki: 0.15}}
    setpoint:
      start: 25 degC
      profile: [{to: 40 degC, rate: 1 K/s}, {hold: 45 s}, {to: 75 degC}, {hold: 60 s}, {to: 40 degC}]
    rate: 2 Hz
    stale_after: 3 s
"""
STEP = CASCADE.partition("  load:")[0]


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_bench(tmp_path_factory.mktemp("cascade"), CASCADE, 180)


def test_an_outer_loop_leads_the_inner_one_to_where_it_wants_its_own_signal(cascade):
    load = dict(cycles(cascade, "load"))
    settled = [cycle.measured for at, cycle in load.items() if 55 < at < 60]
    assert settled
    assert all(abs(each - 40) < 0.5 for each in settled)
    asked = {cycle.output for _, cycle in cycles(cascade, "load")}
    held = {cycle.setpoint for _, cycle in cycles(cascade, "air")}
    assert held - {25.0} <= asked, "the inner loop holds what the outer one asks for"


def test_the_outer_loop_stays_within_the_setpoints_limits_and_does_not_wind_up(cascade):
    asked = [(at, cycle.output) for at, cycle in cycles(cascade, "load")]
    assert all(20 <= value <= 60 for _, value in asked)
    (turned,) = [at for at, cycle in cycles(cascade, "load") if cycle.setpoint == 40.0 and at > 100][:1]
    assert [value for at, value in asked if turned - 20 < at < turned] == [60.0] * 39
    assert next(value for at, value in asked if at >= turned + 0.5) < 59, "it leaves the limit at once"


def test_a_course_is_a_signal_on_the_record_and_the_setpoint_of_every_cycle(cascade):
    told = values(cascade, "load.setpoint")
    assert told[0][1] == 25.0
    assert told[-1][1] == 40.0
    by_cycle = {round(at, 3): cycle.setpoint for at, cycle in cycles(cascade, "load")}
    assert all(by_cycle.get(round(at, 3), value) == value for at, value in told)
    with SessionReader(cascade) as session:
        told_of = [event.text for event in session.events() if event.kind == "profile"]
    assert told_of[0] == "loop load: it holds for 45 s, from 40 degC"
    assert told_of[-1] == "loop load: its profile is done; it stays at 40 degC"


def test_a_replay_gives_the_same_commands_to_the_last_bit(cascade, tmp_path):
    with SessionReader(cascade) as session:
        replayed = replay_virtually(session, recorded_bench(session, tmp_path), tmp_path / "again.session")
        first = [(each.time_ns, each.signal, each.value) for each in session.commands()]
    with SessionReader(replayed.path) as session:
        assert [(each.time_ns, each.signal, each.value) for each in session.commands()] == first


def test_while_the_inner_loop_has_no_samples_the_outer_one_rests_and_then_goes_on_without_a_bump(tmp_path):
    text = CASCADE.replace("start: 25 degC", "start: 40 degC")
    text += "faults: [{device: probe, fault: unplug, at: 40 s, for: 5 s}]\n"
    path = run_bench(tmp_path, text, 60)
    asked = [(at, cycle.output) for at, cycle in cycles(path, "load")]
    (before,) = [value for at, value in asked if at < 40][-1:]
    after_at, after = next((at, value) for at, value in asked if at > 42)
    assert after_at > 45, "it rests"
    assert abs(after - before) < 5 * 0.5 + 1e-9, "no faster than its slew"


def test_when_the_outer_loop_has_no_samples_the_inner_one_holds_its_own_value(tmp_path):
    text = CASCADE.replace("reads: chamber.load_temperature", "reads: probe.temperature")
    text = text.replace("reads: probe.temperature", "reads: chamber.temperature", 1)
    path = run_bench(tmp_path, f"{text}faults: [{{device: probe, fault: unplug, at: 20 s}}]\n", 40)
    assert values(path, "air.setpoint")[-1][1] == 25.0
    assert cycles(path, "air")[-1][1].setpoint == 25.0


def test_a_person_may_move_a_setpoint_and_the_guard_judges_that_too(tmp_path):
    outcomes = []

    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        signal = bench.by_path["air.setpoint"]
        outcomes.append(await parts.commander.ask(signal, 27.0, "alice"))
        await clock.sleep(1.0)
        outcomes.append(await parts.commander.ask(signal, 99.0, "alice"))
        await clock.sleep(1.0)

    bench = bench_of(tmp_path, STEP)
    run_by_hand(bench, tmp_path / "run.session", hands)
    assert [each.outcome for each in outcomes] == [Outcome.ACKNOWLEDGED, Outcome.REFUSED]
    assert "60" in outcomes[1].reason
    assert cycles(tmp_path / "run.session", "air")[-1][1].setpoint == 27.0


def test_a_setpoint_in_hand_lets_the_outer_loop_rest_which_then_goes_on_from_there(tmp_path):
    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        await clock.sleep(20.0)
        lease = parts.manual.take("air.setpoint", "alice", 60)
        modes.append(parts.loops["load"].mode)
        await clock.sleep(0.5)  # or its slew would not let it go so far
        parts.manual.give(lease.id, 33.0, lambda command: None)
        await clock.sleep(10.0)
        modes.append(f"{parts.loops['air'].setpoint.value:g}")
        parts.manual.release(lease.id)
        await clock.sleep(2.0)

    modes: list[str] = []
    path = tmp_path / "run.session"
    run_by_hand(bench_of(tmp_path, CASCADE.replace("slew: 5 K/s", "slew: 50 K/s")), path, hands)
    assert modes == ["manual", "33"]
    after = next(cycle.output for at, cycle in cycles(path, "load") if at > 31)
    assert after == pytest.approx(33.0, abs=0.1)


def test_a_course_waits_while_its_loop_rests(tmp_path):
    text = STEP.replace(
        "{value: 25 degC, limits: [20 degC, 60 degC], slew: 5 K/s}",
        "{start: 25 degC, profile: [{to: 45 degC, rate: 1 K/s}]}",
    )

    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        await clock.sleep(4.0)
        lease = parts.manual.take("chamber.heater_duty", "alice", 60)
        await clock.sleep(30.0)
        parts.manual.release(lease.id)
        await clock.sleep(5.0)

    run_by_hand(bench_of(tmp_path, text), tmp_path / "run.session", hands)
    last = cycles(tmp_path / "run.session", "air")[-1][1].setpoint
    assert last == pytest.approx(25 + 10, abs=1)
