"""Whatever is wrong with a bench file is told with file, line, column and the nearest right name."""

import contextlib
import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from testbed.bench import Bench, BenchFileError, json_schema, load_bench

RIG = Path(__file__).parents[2] / "benches" / "thermal-rig.yaml"
MINIMAL = """\
bench: mini
devices:
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://127.0.0.1:502"}
loops:
  hold: {reads: probe.temperature, writes: chamber.heater_duty, setpoint: 60 degC, rate: 10 Hz,
         controller: {pid: {kp: 8}}}
"""


def load(folder: Path, text: str, **environment: str) -> Bench:
    file = folder / "bench.yaml"
    file.write_text(text)
    return load_bench(file, environment)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(BenchFileError) as caught:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_the_demo_bench_is_fine_and_its_units_are_plain_numbers():
    bench = load_bench(RIG, {})
    assert list(bench.devices) == ["chamber", "probe", "fan", "air", "vent"]
    hold = bench.loops["hold"]
    assert (hold.setpoint, hold.period_ns, hold.writes.limits) == (60.0, 100_000_000, (0.0, 100.0))
    assert [signal.id for signal in bench.signals] == list(range(len(bench.signals)))
    assert bench.devices["chamber"].configure == {"heater_enable": 1.0, "setpoint": 60.0}


def test_the_demo_bench_fits_the_schema_that_editors_get():
    jsonschema.validate(yaml.safe_load(RIG.read_text()), json_schema())


def test_the_schema_refuses_what_the_loader_refuses():
    wrong = yaml.safe_load(MINIMAL)
    wrong["loops"]["hold"]["reads"] = "probe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json_schema())


def test_the_minimal_bench_is_fine(tmp_path):
    assert load(tmp_path, MINIMAL).loops["hold"].stale_after_ns == 500_000_000


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("scpi/thermometer", "scpi/termometer", "bench.yaml:3:20: no profile is called 'scpi/termometer' (did you mean 'scpi/thermometer'?)"),
        ("serial:///dev/ttyUSB0", "/dev/ttyUSB0", "bench.yaml:3:44: '/dev/ttyUSB0' is not a wire; write it as a URL, for example serial:///dev/ttyUSB0?baud=115200"),
        ("127.0.0.1:502", "127.0.0.1:port", "bench.yaml:4:52: 'modbus+tcp://127.0.0.1:port': Port could not be cast to integer value as 'port'"),
        ("probe.temperature", "prob.temperature", "bench.yaml:6:17: no device is called 'prob' (did you mean 'probe'?)"),
        ("probe.temperature", "probe.temprature", "bench.yaml:6:17: probe has no signal 'temprature' (did you mean 'temperature'?)"),
        ("writes: chamber.heater_duty", "writes: chamber.temperature", "bench.yaml:6:44: chamber.temperature cannot be written (known: heater_duty, heater_enable, setpoint)"),
        ("setpoint: 60 degC", "setpoint: 60 m", "bench.yaml:6:75: '60 m' does not fit: expected degC, and 'm' is another quantity"),
        ("setpoint: 60 degC", "setpoint: warm", "bench.yaml:6:75: 'warm' is no quantity; write a number and a unit, for example 60 degC"),
        ("rate: 10 Hz", "rate: 100 Hz", "bench.yaml:6:90: a rate of 100 Hz is impossible: probe.temperature comes at 10 Hz (lower it, or raise the rate in the profile)"),
        ("rate: 10 Hz", "rate: 0 Hz", "bench.yaml:6:90: must be above 0 Hz, not 0 Hz"),
        ("rate: 10 Hz", "rate: 10 degX", "bench.yaml:6:90: 'degX' is no unit that pint knows"),
        ("reads: probe.temperature", "reads: chamber.setpoint", "bench.yaml:6:17: chamber.setpoint is only ever written, and nobody writes it: no sample will come (read a signal with access read or notify)"),
        ("controller", "controler", "bench.yaml:7:10: unknown key 'controler' (did you mean 'controller'?)"),
        ("kp: 8", "kp: eight", "bench.yaml:7:33: loops.hold.controller.pid.kp: input should be a valid number, unable to parse string as a number, not 'eight'"),
        ("bench: mini", "bench: mini\nbench: maxi", "bench.yaml:2:1: key 'bench' stands twice (first in line 1; remove one)"),
        ("bench: mini", "bench: [", "bench.yaml:3:8: is not YAML"),
        ("hold:", "9hold:", "bench.yaml:6:10: loops.9hold: '9hold' is no name; use letters, digits and _, not a digit first"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(tmp_path, old, new, expected):
    found = problems(tmp_path, MINIMAL.replace(old, new))
    assert any(line.startswith(expected) for line in found), found


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path):
    text = MINIMAL.replace("scpi/thermometer", "scpi/x").replace("chamber.heater_duty", "chamber.heat")
    text += 'expect: ["chamber.temperature is nice"]\n'
    assert [line.split(":")[1] for line in problems(tmp_path, text)] == ["3", "6", "8"]


def test_a_key_of_the_wrong_shape_does_not_hide_the_wrong_names_elsewhere(tmp_path):
    text = MINIMAL.replace("controller", "controler") + "twins: {chamer: {}}\nexpect: 5\n"
    text = text.replace("scpi/thermometer", "scpi/x")
    assert [line.split(":")[1] for line in problems(tmp_path, text)] == ["3", "6", "7", "8", "9"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("# nothing but a comment\n", "is empty"),
        ("just words", "must be a mapping"),
        ("- a\n- list\n", "must be a mapping"),
        ("bench: x\n", "the file lacks the key 'devices'"),
        ("bench: x\ndevices: {}\n", "dictionary should have at least 1 item"),
        ("bench: x\ndevices: [1, 2]\n", "devices: input should be a valid dictionary"),
        ("a: " * 200, "is not YAML"),
        ("[" * 5000, "nested too deeply"),
        ("&a [*a]", "holds far too many values"),
        ("a: 2024-99-99\n", "cannot be read"),
        ("a: \x00\n", "is not YAML"),
    ],
)
def test_a_file_of_the_wrong_shape_is_one_clear_error(tmp_path, text, expected):
    assert expected in "\n".join(problems(tmp_path, text))


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path):
    assert "is larger than 1 MiB" in problems(tmp_path, "a: b\n" + "#" * (2 << 20))[0]


def test_aliases_that_multiply_are_refused(tmp_path):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    assert "holds far too many values" in problems(tmp_path, bomb)[0]


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path):
    (tmp_path / "bench.yaml").write_bytes(b"bench: x\ndevices: \xff\n")
    with pytest.raises(BenchFileError, match=r"bench.yaml:2:1: is not UTF-8 text"):
        load_bench(tmp_path / "bench.yaml", {})


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path):
    with pytest.raises(BenchFileError, match="No such file"):
        load_bench(tmp_path / "none.yaml", {})
    with pytest.raises(BenchFileError, match="Is a directory"):
        load_bench(tmp_path, {})


def test_two_loops_that_write_one_actuator_are_refused(tmp_path):
    text = MINIMAL + MINIMAL.split("loops:\n")[1].replace("hold", "again")
    assert "already written by the loop 'hold'" in problems(tmp_path, text)[0]


def test_configured_values_must_be_within_their_limits(tmp_path):
    text = MINIMAL.replace(
        '"modbus+tcp://127.0.0.1:502"', '"modbus+tcp://127.0.0.1:502", configure: {heater_duty: 120}'
    )
    assert "120 is outside 0 to 100 %" in problems(tmp_path, text)[0]


def test_secrets_come_from_the_environment_and_are_never_shown(tmp_path):
    text = MINIMAL.replace(
        "modbus+tcp://127.0.0.1:502", "modbus+tcp://me:${SECRET}@127.0.0.1:502?key=${SECRET}"
    )
    wire = load(tmp_path, text, SECRET="hunter2").devices["chamber"].wire
    assert (wire.password, wire.option("key", "")) == ("hunter2", "hunter2")
    assert "hunter2" not in str(wire) + repr(wire.text)
    assert problems(tmp_path, text)[0].endswith("the environment variable SECRET is not set")


def test_a_users_own_profile_needs_no_python(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "scale.yaml").write_text(
        'profile: scale\nprotocol: scpi\nsignals:\n  mass: {query: "MEAS:MASS?", unit: g, rate: 5 Hz}\n'
    )
    bench = load(tmp_path, 'bench: b\ndevices:\n  s: {profile: scale, wire: "serial:///dev/ttyS0"}\n')
    assert bench.by_path["s.mass"].unit == "g"


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("{unit: degX}", "'degX' is no unit that pint knows"),
        ("{access: write}", "m is writable and has no safe value"),
        ("{access: write, safe: 9, limits: [0, 5]}", "m: safe value 9 is outside its limits"),
        ("{limits: [5, 0]}", "m: limits must rise, not 5 to 0"),
        ("{access: sometimes}", "signals.m.access: input should be 'read', 'write' or 'notify', not 'sometimes'"),
        ("{unit: g, rate: 5 m}", "m.rate: '5 m' does not fit: expected Hz"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_profile_is_told_in_the_profile(tmp_path, signal, expected):
    (tmp_path / "p.yaml").write_text(f"profile: p\nprotocol: scpi\nsignals:\n  m: {signal}\n")
    found = problems(tmp_path, 'bench: b\ndevices:\n  s: {profile: p, wire: "serial:///dev/x"}\n')
    assert found[0].startswith("p.yaml:4:"), found
    assert expected in found[0]


def test_no_bench_file_makes_a_traceback_whatever_its_bytes(tmp_path):
    lines = RIG.read_text().splitlines(keepends=True)
    for cut in range(0, len(lines), 3):  # every third line left out, one at a time
        text = "".join(lines[:cut] + lines[cut + 1 :])
        with contextlib.suppress(BenchFileError):  # anything else would fail this test
            load(tmp_path, text, **os.environ)
