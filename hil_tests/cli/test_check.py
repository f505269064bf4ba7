"""`testbed check` and `testbed schema`: what is wrong is told with its place, before anything is opened."""

import json
import re

import jsonschema
import pytest
import yaml

from hil_tests.system.processes import RIG, testbed
from testbed.bench.profile import SHIPPED

from .inside import run_inside

WRONG = """\
bench: wrong
devices:
  probe:
    profile: scpi/thermometer
    wire: "modbus+tcp://10.0.0.5:502?unit=1"
  fan: {profile: cobs/fan-driver, wire: "serial:///dev/ttyACM0"}
plant:
  model: thermal-chamber
  connect:
    fan.pwm: fan_duti
    air_temperatur: probe.temperature
  parameters: {heater_pwr: 3.0}
twins:
  fan: {model: thermal, predicts: speed, inputs: {heater_dutie: fan.pwm}, parameters: {tau_x: 1}}
"""


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A bench file that is well formed and still cannot run, and what `check` says of it."""
    file = tmp_path_factory.mktemp("wrong") / "wrong.yaml"
    file.write_text(WRONG)
    return file, testbed("check", file)


def test_a_good_bench_is_fine_and_what_it_holds_is_counted():
    result = testbed("check", RIG)
    assert result.returncode == 0
    assert "thermal-rig is fine: 5 devices" in result.stdout
    assert result.stderr == ""


def test_a_good_bench_is_one_json_object():
    result = testbed("check", RIG, "--json")
    assert result.returncode == 0
    told = json.loads(result.stdout)
    assert (told["ok"], told["bench"], told["devices"], told["loops"]) == (True, "thermal-rig", 5, 3)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            'wire: "modbus',
            "5:11",
            "scpi/thermometer is reached over serial:// or socket:// or rfc2217:// or nus://, not modbus",
        ),
        ("fan_duti", "10:14", "no input 'fan_duti' (did you mean 'fan_duty'?)"),
        ("air_temperatur", "11:5", "no output 'air_temperatur' (did you mean 'air_temperature'?)"),
        ("heater_pwr", "12:16", "unknown parameter 'heater_pwr' (did you mean 'heater_power'?)"),
        ("heater_dutie", "14:51", "unknown input 'heater_dutie' (did you mean 'heater_duty'?)"),
        ("tau_x", "14:88", "unknown parameter 'tau_x'"),
    ],
)
def test_every_problem_is_told_with_its_place_and_the_nearest_right_name(wrong, text, place, words):
    file, result = wrong
    line = WRONG.splitlines()[int(place.partition(":")[0]) - 1]
    assert text in line  # the place below is that of this text
    assert result.returncode == 2
    assert result.stdout == ""
    told = [line for line in result.stderr.splitlines() if line.startswith(f"{file}:{place}: ")]
    assert len(told) == 1, result.stderr
    assert words in told[0]


def test_problems_are_lines_of_file_line_and_column_and_nothing_else(wrong):
    _, result = wrong
    assert all(re.match(r".+\.yaml:\d+:\d+: ", line) for line in result.stderr.splitlines())


def test_json_gives_the_same_problems_one_by_one(wrong):
    file, lines = wrong
    result = testbed("check", file, "--json")
    assert result.returncode == 2
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert len(told["problems"]) == len(lines.stderr.splitlines()) == 6
    first = told["problems"][0]
    assert (first["file"], first["line"], first["column"]) == (str(file), 5, 11)


def test_an_unknown_plant_and_an_unknown_model_name_what_there_is(tmp_path, monkeypatch, capsys):
    file = tmp_path / "bench.yaml"
    bench = yaml.safe_load(WRONG)
    bench["devices"]["probe"]["wire"] = "serial:///dev/ttyUSB0"
    bench["plant"] = {"model": "thermal-chambre", "connect": {}}
    bench["twins"] = {"fan": {"model": "thermol", "predicts": "speed"}}
    file.write_text(yaml.safe_dump(bench))
    result = run_inside(monkeypatch, capsys, "check", file)
    assert result.returncode == 2
    assert "thermal-chambre" in result.stderr
    assert "did you mean 'thermal-chamber'?" in result.stderr
    assert "did you mean 'thermal'?" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\xff\xfe\x80", "text"),
        (b"bench: [", "not closed|expected|YAML"),
        (b"- just\n- a list\n", "mapping|keys"),
        (b"bench: a\nbench: b\n", "twice|duplicate"),
        (b"bench: *nobody\n", "nobody|alias"),
        (b"bench: x\n" + b"#" * 20_000_000, "large|big|bytes|MB"),
    ],
    ids=["empty", "binary", "broken", "list", "duplicate", "alias", "huge"],
)
def test_a_file_that_is_no_bench_is_refused_with_its_reason(tmp_path, monkeypatch, capsys, content, words):
    file = tmp_path / "bench.yaml"
    file.write_bytes(content)
    result = run_inside(monkeypatch, capsys, "check", file)
    assert result.returncode == 2, result
    assert str(file) in result.stderr
    assert re.search(words, result.stderr), result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, capsys, what):
    file = tmp_path if what == "folder" else tmp_path / "bench.yaml"
    result = run_inside(monkeypatch, capsys, "check", file)
    assert result.returncode == 2
    assert str(file) in result.stderr
    assert "Traceback" not in result.stderr


def test_the_schema_is_valid_json_schema_and_takes_the_demo_bench_but_not_a_wrong_one():
    schema = json.loads(testbed("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    bench = yaml.safe_load(RIG.read_text())
    assert list(validator.iter_errors(bench)) == []
    assert list(validator.iter_errors({**bench, "devises": {}}))
    assert list(validator.iter_errors({"bench": "no devices"}))


def test_the_schema_of_profiles_takes_the_shipped_ones_but_not_a_wrong_one():
    from testbed.bench.profile import SHIPPED

    schema = json.loads(testbed("schema", "--profile").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    shipped = list(SHIPPED.rglob("*.yaml"))
    assert shipped
    for file in shipped:
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == [], file
    assert list(validator.iter_errors({"profile": "x", "protocol": "scpi"}))


def test_check_tells_what_makes_up_each_twin_and_what_is_missing(tmp_path, monkeypatch, capsys):
    told = run_inside(monkeypatch, capsys, "check", RIG, "--twins").stdout
    assert "chamber: integrated\n  physical    Thermal chamber with heater" in told
    assert "  virtual     thermal model, 2 states, 8 parameters\n" in told
    assert "fed by air, fan, probe, vent too" in told
    assert "guard that looks ahead, time to limits, continuous update" in told
    assert "missing" not in told
    bench = yaml.safe_load(RIG.read_text())
    bench["twins"]["chamber"]["inputs"].pop("vent_position")
    bench["twins"]["chamber"]["outputs"].pop("load")
    bench["twins"]["chamber"]["sensors"].pop("chamber.load_temperature")
    bench["loops"].pop("dry")
    file = tmp_path / "b.yaml"
    file.write_text(yaml.safe_dump(bench))
    twins = {
        each["device"]: each
        for each in json.loads(run_inside(monkeypatch, capsys, "check", file, "--json").stdout)["twins"]
    }
    assert twins["chamber"]["gaps"] == [
        "input vent_position is not connected, and taken as 0",
        "output load is neither measured nor estimated",
    ]
    assert twins["vent"]["gaps"] == ["nothing uses it"]


def test_a_bench_that_asks_for_more_airtime_than_the_law_allows_is_refused_with_the_arithmetic(
    tmp_path, monkeypatch, capsys
):
    shipped = (SHIPPED / "lorawan" / "vent-valve.yaml").read_text()
    (tmp_path / "valve.yaml").write_text(shipped.replace("data_rate: SF7", "data_rate: SF10"))
    wire = "chirpstack+mqtt://localhost:1883/1/70b3d57ed0000001"
    file = tmp_path / "greedy.yaml"
    file.write_text(f'bench: greedy\ndevices:\n  vent: {{profile: ./valve.yaml, wire: "{wire}"}}\n')
    for command in (("check", file), ("run", file, "--emulate", "all", "--virtual", "--for", "1")):
        done = run_inside(monkeypatch, capsys, *command)
        assert done.returncode == 2
        text = " ".join((done.stdout + done.stderr).split())
        assert "2 + 13 bytes at SF10 take 330 ms every 4 s" in text
        assert "uplinks take 8.24% of the air, 1.60% is allowed" in text
        assert "send at most every 20.6 s" in text
