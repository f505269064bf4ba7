"""What a bench file says of a controller is told back in plain numbers, or where it is wrong."""

import math
from pathlib import Path

import jsonschema
import pytest
import yaml

from testbed.bench import (
    BenchFileError,
    FeedForward,
    Loop,
    LqrPlan,
    MpcPlan,
    OnOffPlan,
    PidPlan,
    RelayPlan,
    ScheduledPlan,
    json_schema,
    load_bench,
)
from testbed.signals import Signal

BENCH = """\
bench: mini
devices:
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://127.0.0.1:502"}
loops:
  hold:
    reads: probe.temperature
    writes: chamber.heater_duty
    setpoint: 60 degC
    rate: 10 Hz
    controller:
      CONTROLLER
"""
TWINS = """\
twins:
  chamber:
    model: thermal
    outputs: {air: probe.temperature, load: chamber.load_temperature}
    inputs: {heater_duty: chamber.heater_duty}
"""
LQR = "lqr: {error: 1 K, effort: 0.1, integral: 100 ms}"
MPC = "mpc: {twin: chamber, error: 1 K, effort: 20 %, horizon: 5 s, bounds: {chamber.load_temperature: [20 degC, 340 K]}}"
RELAY = "relay: {low: 0 %, high: 50 %, step: 5 %, hysteresis: 200 mK, most: 340 K}"
PID = "pid: {kp: 8, filter: 500 ms, feed_forward: {from: chamber.load_temperature, gain: -2, at: 293.15 K}}"
SCHEDULED = "scheduled: {by: chamber.load_temperature, gains: [{at: 20 degC, kp: 8}, {at: 323.15 K, kp: 9}]}"
ON_OFF = "on_off: {output_on: 0.8, output_off: 0 %, hysteresis: 2 K, on_when: above, min_on: 1 min}"


def hold(folder: Path, controller: str) -> Loop:
    file = folder / "bench.yaml"
    file.write_text(BENCH.replace("CONTROLLER", controller) + (TWINS if "error:" in controller else ""))
    return load_bench(file, {}).loops["hold"]


def test_a_pid_controllers_times_and_its_disturbance_become_plain_numbers(tmp_path):
    loop = hold(tmp_path, PID)
    assert isinstance(loop.controller, PidPlan)
    assert (loop.controller.kp, loop.controller.filter) == (8.0, 0.5)
    ahead = loop.controller.feed_forward
    assert isinstance(ahead, FeedForward)
    assert (ahead.signal.path, ahead.gain, round(ahead.at, 9)) == ("chamber.load_temperature", -2.0, 20.0)


def test_an_on_off_controllers_values_are_in_the_units_of_its_signals(tmp_path):
    plan = hold(tmp_path, ON_OFF).controller
    assert plan == OnOffPlan(on=0.8, off=0.0, hysteresis=2.0, above=True, min_on=60.0)


def test_scheduled_gains_stand_at_points_in_the_unit_of_what_they_go_by(tmp_path):
    plan = hold(tmp_path, SCHEDULED).controller
    assert isinstance(plan, ScheduledPlan)
    assert isinstance(plan.by, Signal)
    assert plan.by.path == "chamber.load_temperature"
    assert [(round(at, 9), each.kp) for at, each in plan.points] == [(20.0, 8.0), (50.0, 9.0)]


def test_a_relay_experiment_is_told_in_plain_numbers(tmp_path):
    plan = hold(tmp_path, RELAY).controller
    assert isinstance(plan, RelayPlan)
    assert (plan.low, plan.high, plan.step, plan.hysteresis) == (0.0, 50.0, 5.0, pytest.approx(0.2))
    assert (plan.least, plan.most) == (-math.inf, pytest.approx(66.85))


def test_a_controller_on_a_model_finds_its_twin_by_the_signals_of_the_loop(tmp_path):
    plan = hold(tmp_path, LQR).controller
    assert isinstance(plan, LqrPlan)
    assert (plan.twin, plan.reads.path, plan.error, plan.integral) == (
        "chamber",
        "probe.temperature",
        1.0,
        0.1,
    )


def test_a_horizon_is_cycles_and_bounds_are_in_the_units_of_their_signals(tmp_path):
    plan = hold(tmp_path, MPC).controller
    assert isinstance(plan, MpcPlan)
    (bound,) = plan.bounds
    assert (plan.steps, plan.period, bound.signal.path, bound.low) == (
        50,
        0.1,
        "chamber.load_temperature",
        20.0,
    )
    assert bound.high == pytest.approx(66.85)


@pytest.mark.parametrize("controller", [PID, SCHEDULED, ON_OFF, LQR, MPC, RELAY])
def test_the_schema_knows_every_kind(tmp_path, controller):
    jsonschema.validate(yaml.safe_load(BENCH.replace("CONTROLLER", controller)), json_schema())


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        ("{}", "bench.yaml:12:7: loops.hold.controller: takes one kind of controller: pid, scheduled, on_off, lqr, mpc, relay"),
        ("{pid: {kp: 1}, on_off: {output_on: 1, output_off: 0, hysteresis: 1 K}}", "bench.yaml:12:7: loops.hold.controller: takes one kind of controller: pid, scheduled, on_off, lqr, mpc, relay"),
        ("{pdi: {kp: 1}}", "bench.yaml:12:8: unknown key 'pdi' (did you mean 'pid'?)"),
        ("{pid: {kp: 1, filtr: 1 s}}", "bench.yaml:12:21: unknown key 'filtr' (did you mean 'filter'?)"),
        ("{pid: {kp: 1, filter: 1 K}}", "bench.yaml:12:29: '1 K' does not fit: expected s, and 'K' is another quantity"),
        ("{pid: {kp: 1, filter: -1 s}}", "bench.yaml:12:29: must not be below 0 s, not -1 s"),
        ("{pid: {kp: 1, feed_forward: {from: fan.speed, gain: 1}}}", "bench.yaml:12:42: no device is called 'fan'"),
        ("{scheduled: {by: setpoin, gains: [{at: 1, kp: 1}, {at: 2, kp: 1}]}}", "bench.yaml:12:24: no device is called 'setpoin'"),
        ("{scheduled: {by: setpoint, gains: [{at: 9 degC, kp: 1}, {at: 2 degC, kp: 1}]}}", "bench.yaml:12:68: must be above the point before it, not 2 degC"),
        ("{scheduled: {by: setpoint, gains: [{at: 9 degC, kp: 1}]}}", "bench.yaml:12:41: loops.hold.controller.scheduled.gains: list should have at least 2 items after validation, not 1"),
        ("{pid: {kp: 1, feed_forward: {from: probe.temperature}}}", "bench.yaml:12:35: loops.hold.controller.pid.feed_forward: is {from: SIGNAL, gain: G, at: VALUE}, or {twin: NAME}"),
        ("{pid: {kp: 1, feed_forward: {twin: chamber}}}", "bench.yaml:12:42: the twin chamber has no model"),
        ("{relay: {low: 0, high: 50, step: 60}}", "bench.yaml:12:40: must be above 0 and no more than what lies between low and high, not 60"),
        ("{relay: {low: 0, high: 50, step: 5, most: 1 m}}", "bench.yaml:12:49: '1 m' does not fit"),
        ("{lqr: {error: 1 K}}", "bench.yaml:12:8: loops.hold.controller.lqr lacks the key 'effort'"),
        ("{lqr: {error: 0 K, effort: 1}}", "bench.yaml:12:21: must be above 0, not 0 K"),
        ("{lqr: {twin: chamer, error: 1, effort: 1}}", "bench.yaml:12:20: no twin is called 'chamer' (did you mean 'chamber'?)"),
        ("{lqr: {twin: probe, error: 1, effort: 1}}", "bench.yaml:12:20: the twin probe has no model"),
        ("{mpc: {error: 1, effort: 1, horizon: 1 h}}", "bench.yaml:12:44: 1 h is 36000 cycles of the loop; 2 to 200 can be looked ahead"),
        ("{mpc: {error: 1, effort: 1, horizon: 1 s, bounds: {chamber.temperature: [1, 2]}}}", "bench.yaml:12:58: chamber.temperature measures no output of this model"),
        ("{mpc: {error: 1, effort: 1, horizon: 1 s, bounds: {probe.temperature: [2, 1]}}}", "bench.yaml:12:77: the lower limit comes first: 2 is not below 1"),
        ("{on_off: {output_on: 100 %, output_off: 0 %, hysteresis: 2 s}}", "bench.yaml:12:64: '2 s' does not fit: expected degC, and 's' is another quantity"),
        ("{on_off: {output_on: 200 %, output_off: 0 %, hysteresis: 2 K}}", "bench.yaml:12:28: 200 is outside 0 to 100 %"),
        ("{on_off: {output_on: 10 %, output_off: 10 %, hysteresis: 2 K}}", "bench.yaml:12:46: on and off are the same: 10 %"),
        ("{on_off: {output_on: 100 %, output_off: 0 %, hysteresis: 2 K, on_when: hot}}", "bench.yaml:12:78: loops.hold.controller.on_off.on_when: input should be 'below' or 'above', not 'hot'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(tmp_path, controller, expected):
    with pytest.raises(BenchFileError) as caught:
        hold(tmp_path, controller)
    found = [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert any(line.startswith(expected) for line in found), found


def test_without_a_fitting_twin_the_error_says_what_it_would_have(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(BENCH.replace("CONTROLLER", LQR))
    with pytest.raises(
        BenchFileError, match=r"no twin measures probe\.temperature and has chamber\.heater_duty"
    ):
        load_bench(file, {})
