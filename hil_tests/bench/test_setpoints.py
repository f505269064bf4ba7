"""What a bench file says of a setpoint that moves is told back in plain numbers, or where it is wrong."""

import math
from pathlib import Path

import jsonschema
import pytest
import yaml

from testbed.bench import Bench, BenchFileError, Leg, json_schema, load_bench
from testbed.signals import Access

BENCH = """\
bench: mini
devices:
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://127.0.0.1:502"}
loops:
  air:
    reads: probe.temperature
    writes: chamber.heater_duty
    rate: 10 Hz
    controller: {pid: {kp: 8}}
    setpoint: SETPOINT
"""
COMMANDED = "{value: 25 degC, limits: [293.15 K, 80 degC], slew: 60 K/min}"
COURSE = "{start: 20 degC, profile: [{to: 60 degC, rate: 2 K/min}, {hold: 10 min, within: 1 K}, {to: 30 degC}, {to: 20 degC, for: 1 min}], repeat: 2}"
OUTER = """\
  load: {reads: chamber.load_temperature, writes: air.setpoint, rate: 1 Hz, setpoint: 60 degC, controller: {pid: {kp: 2}}}
"""


def load(folder: Path, setpoint: str, more: str = "") -> Bench:
    file = folder / "bench.yaml"
    file.write_text(BENCH.replace("SETPOINT", setpoint) + more)
    return load_bench(file, {})


def test_a_setpoint_with_limits_is_a_signal_that_takes_commands(tmp_path):
    bench = load(tmp_path, COMMANDED)
    signal = bench.by_path["air.setpoint"]
    assert (signal.unit, signal.access, signal.safe, signal.slew) == ("degC", Access.WRITE, 25.0, 1.0)
    assert signal.limits == pytest.approx((20.0, 80.0))
    assert bench.signals[signal.id] is signal
    assert bench.loops["air"].setpoint == 25.0


def test_an_outer_loop_writes_the_setpoint_of_an_inner_one_wherever_that_stands(tmp_path):
    bench = load(tmp_path, COMMANDED, OUTER)
    assert bench.loops["load"].writes is bench.by_path["air.setpoint"]
    text = (tmp_path / "bench.yaml").read_text().replace(OUTER, "").replace("loops:\n", f"loops:\n{OUTER}")
    (tmp_path / "bench.yaml").write_text(text)
    assert load_bench(tmp_path / "bench.yaml", {}).loops["load"].writes.path == "air.setpoint"


def test_a_course_is_its_legs_as_often_as_they_are_gone_through(tmp_path):
    loop = load(tmp_path, COURSE).loops["air"]
    assert loop.moving is not None
    assert loop.moving.signal.access is Access.NOTIFY
    assert (loop.setpoint, loop.moving.start) == (20.0, 20.0)
    ramp, soak, step, down = loop.moving.legs[:4]
    assert (ramp.to, ramp.seconds, ramp.rate) == (60.0, None, pytest.approx(2 / 60))
    assert (soak, step, down) == (Leg(None, 600.0, within=1.0), Leg(30.0, 0.0), Leg(20.0, 60.0))
    assert loop.moving.legs[4:] == loop.moving.legs[:4]
    assert down.within == math.inf


@pytest.mark.parametrize("setpoint", [COMMANDED, COURSE])
def test_the_schema_knows_both(setpoint):
    jsonschema.validate(yaml.safe_load(BENCH.replace("SETPOINT", setpoint)), json_schema())


@pytest.mark.parametrize(
    ("setpoint", "expected"),
    [
        ("{value: 25 degC}", "bench.yaml:11:15: loops.air.setpoint: a setpoint that takes commands has a value and limits"),
        ("{value: 25 degC, limit: [20, 80]}", "bench.yaml:11:32: unknown key 'limit' (did you mean 'limits'?)"),
        ("{value: 25 K, limits: [20 degC, 80 degC]}", "bench.yaml:11:23: -248.15 is outside 20 to 80 degC"),
        ("{value: 25 degC, limits: [80 degC, 20 degC]}", "bench.yaml:11:40: the lower limit comes first: 80 is not below 20"),
        ("{value: 25 degC, limits: [20 degC, 80 m]}", "bench.yaml:11:50: '80 m' does not fit"),
        ("{value: 25 degC, limits: [20, 80], slew: 1 K}", "bench.yaml:11:56: '1 K' does not fit: expected K/s"),
        ("{profile: []}", "bench.yaml:11:25: loops.air.setpoint.profile: list should have at least 1 item"),
        ("{profile: [{hold: 1 min}]}", "bench.yaml:11:25: a profile goes somewhere"),
        ("{profile: [{to: 60 degC, rate: 2 K}]}", "bench.yaml:11:46: '2 K' does not fit: expected K/s"),
        ("{profile: [{to: 60 degC, hold: 2 s}]}", "bench.yaml:11:26: loops.air.setpoint.profile.0: a leg is {to: VALUE, rate: RATE}"),
        ("{profile: [{to: 60 degC, fro: 2 s}]}", "bench.yaml:11:40: unknown key 'fro' (did you mean 'for'?)"),
        ("{profile: [{to: 60 degC}], value: 20 degC}", "bench.yaml:11:15: loops.air.setpoint: a setpoint with a profile takes no commands"),
        ("warm", "bench.yaml:11:15: 'warm' is no quantity"),
        ("[1]", "bench.yaml:11:15: loops.air.setpoint"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(tmp_path, setpoint, expected):
    with pytest.raises(BenchFileError) as caught:
        load(tmp_path, setpoint)
    found = [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert any(line.startswith(expected) for line in found), found


def test_a_fixed_setpoint_cannot_be_written_and_the_error_says_how_it_could(tmp_path):
    with pytest.raises(BenchFileError) as caught:
        load(tmp_path, "60 degC", OUTER)
    assert "the setpoint of the loop 'air' takes no commands (write there: setpoint: {value:" in str(
        caught.value
    )


def test_a_loop_called_like_a_device_has_no_setpoint_that_moves(tmp_path):
    (tmp_path / "bench.yaml").write_text(BENCH.replace("  air:", "  probe:").replace("SETPOINT", COMMANDED))
    with pytest.raises(BenchFileError, match=r"probe\.setpoint would be a signal of a device"):
        load_bench(tmp_path / "bench.yaml", {})
