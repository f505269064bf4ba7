"""Why: the chain of one command or sample, from the bytes that came to those that were written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil_tests.cli.inside import Result, run_inside
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.why import Step, explain, read_question


def ask(session: SessionReader, question: str) -> Step:
    return explain(session, *read_question(question, session))


def whats(step: Step) -> list[str]:
    return [each.what for each in step.steps]


def only(step: Step, what: str) -> Step:
    (found,) = (each for each in step.steps if each.what == what)
    return found


def test_a_command_of_a_loop_is_followed_from_the_sample_to_the_acknowledgement(session: SessionReader):
    found = ask(session, "chamber.heater_duty@+5s")
    assert found.what == "command"
    assert found.facts["requester"] == "loop hold"
    assert whats(found) == ["sample", "twin", "loop", "guard", "written", "settled"]

    sample = only(found, "sample")
    assert sample.facts["signal"] == "probe.temperature"
    brought = only(sample, "bytes")
    assert bytes.fromhex(brought.facts["bytes"]).startswith(b"+5")
    assert brought.facts["time_ns"] == sample.facts["time_ns"]
    assert brought.facts["fields"]["temperature"] == sample.facts["value"]

    loop = only(found, "loop")
    assert loop.facts["setpoint"] == 60
    assert loop.facts["measured"] == sample.facts["value"]
    assert loop.facts["p"] == pytest.approx(20 * (60 - sample.facts["value"]))
    assert loop.facts["p"] + loop.facts["i"] + loop.facts["d"] == pytest.approx(found.facts["value"])

    written, settled = only(found, "written"), only(found, "settled")
    assert written.facts["direction"] == "tx"
    assert written.facts["fields"]["heater_duty"] == pytest.approx(found.facts["value"], rel=1e-6)
    assert settled.facts["direction"] == "rx"
    assert settled.facts["fields"]["transaction"] == written.facts["fields"]["transaction"]
    assert sample.facts["time_ns"] <= found.facts["time_ns"] <= written.facts["time_ns"]
    assert written.facts["time_ns"] < settled.facts["time_ns"] == settled.facts["done_ns"]


def test_the_twin_tells_what_it_expected_and_from_what(session: SessionReader):
    twin = only(ask(session, "chamber.heater_duty@+5s"), "twin")
    facts = twin.facts
    assert facts["predicts"] == "probe.temperature"
    assert facts["residual"] == pytest.approx(facts["measured"] - facts["predicted"])
    assert facts["quality"] == "good"
    assert facts["inputs"].keys() == {"heater_duty", "fan_speed", "vent_position"}


@pytest.mark.parametrize(
    ("signal", "wrote", "answered"),
    [
        ("fan.pwm", "command 0x10 seq ", "answer to command 0x10 seq "),
        (
            "vent.opening",
            "confirmed downlink on fPort 10: set opening ",
            "the device acknowledged the downlink ",
        ),
        ("chamber.setpoint", "write setpoint 60 degC to holding register 2", "holding register 2 written"),
    ],
)
def test_on_every_wire_the_bytes_and_the_answer_to_them_are_found(
    session: SessionReader, signal: str, wrote: str, answered: str
):
    found = ask(session, f"{signal}@+4s")
    assert wrote in only(found, "written").text
    assert answered in only(found, "settled").text
    assert f"; {wrote}" not in only(found, "settled").text


def test_a_configured_value_has_no_sample_behind_it(session: SessionReader):
    found = ask(session, "chamber.setpoint@+4s")
    assert whats(found) == ["asked", "told", "guard", "written", "settled"]
    assert only(found, "asked").text == "configure asked for it; no sample led to it"
    assert only(found, "told").text.startswith("shortly before: chamber is online on modbus+tcp://")
    assert found.detail == "the first command to it"


def test_a_sample_of_a_sensor_is_its_bytes_and_the_view_of_its_twin(session: SessionReader):
    found = ask(session, "chamber.temperature@+4s")
    assert whats(found) == ["bytes", "twin"]
    assert only(found, "bytes").facts["fields"]["temperature"] == found.facts["value"]
    assert only(found, "twin").facts["measured"] == found.facts["value"]
    assert whats(ask(session, "air.humidity@+4s")) == ["bytes"]


def test_a_prediction_comes_from_no_bytes(session: SessionReader):
    assert whats(ask(session, "chamber.temperature_predicted@+4s")) == ["twin"]


def test_the_heater_went_off_because_the_thermometer_fell_silent(stale: Path):
    with SessionReader(stale) as session:
        found = ask(session, "chamber.heater_duty@02:13:23")
    assert found.text.startswith(
        "chamber.heater_duty was set to 0 % by loop hold: probe.temperature is stale at 02:13:23.000001 UTC"
    )
    assert found.detail == "120 % before, 1 s earlier by a test"
    assert whats(found) == ["asked", "told", "sample", "twin", "guard", "written", "settled"]
    assert "loop hold: no good sample for 2.1 s" in only(found, "told").text
    assert "(bad: stale: no sample for 2.1 s)" in only(found, "sample").text
    assert only(found, "twin").text == "no twin had predicted probe.temperature yet"
    assert only(found, "guard").text.endswith("within 0 to 100 %, on the way to safety, however fast")
    assert only(found, "written").text == "written 1 us after asking, but its bytes are not recorded"


def test_a_refused_command_tells_the_guards_reason_and_that_nothing_was_sent(stale: Path):
    with SessionReader(stale) as session:
        found = ask(session, "chamber.heater_duty@+2.5s")
    assert found.text.startswith("chamber.heater_duty was not set to 120 % by a test")
    assert only(found, "guard").text == (
        "the guard refused it: chamber.heater_duty: 120 is outside its limits 0 to 100 %"
    )
    assert only(found, "written").text == "nothing was sent"


def test_before_the_first_command_the_error_names_it(stale: Path):
    with SessionReader(stale) as session, pytest.raises(UsageError) as caught:
        ask(session, "chamber.heater_duty@+1s")
    assert "no command to chamber.heater_duty up to 02:13:21.000000 UTC" in str(caught.value)
    assert "chamber.heater_duty@+2.000000000s" in str(caught.value)
    with SessionReader(stale) as session, pytest.raises(UsageError) as caught:
        ask(session, "vent.position@+1s")
    assert "holds no sample of vent.position" in str(caught.value)


# The command ----------------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: run_inside(monkeypatch, capsys, "why", *arguments)


def test_on_a_terminal_it_is_a_tree_and_with_json_one_object(run: Run, recorded: Path):
    told = run(recorded, "chamber.heater_duty@+5s")
    assert (told.returncode, told.stderr) == (0, "")
    assert "├── probe.temperature was " in told.stdout
    assert "acknowledged" in told.stdout.splitlines()[-2]
    answer: dict[str, Any] = json.loads(run(recorded, "chamber.heater_duty@+5s", "--json").stdout)
    assert answer["session"] == str(recorded)
    assert answer["what"] == "command"
    assert [step["what"] for step in answer["steps"]][-1] == "settled"


def test_an_unknown_signal_is_a_usage_error_with_the_nearest(run: Run, recorded: Path):
    told = run(recorded, "chamber.heater_dty@+5s")
    assert (told.returncode, told.stdout) == (2, "")
    assert "did you mean 'chamber.heater_duty'?" in told.stderr
