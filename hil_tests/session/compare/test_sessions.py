"""`testbed compare` on recordings of the demo bench, as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil_tests.cli.inside import Result, run_inside
from testbed.session.compare import SessionRecording, compare
from testbed.session.file import Frame, SessionReader

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `testbed compare` with arguments."""
    return lambda *arguments: run_inside(monkeypatch, capsys, "compare", *arguments)


def test_two_runs_of_one_seed_are_the_same_to_the_last_byte(run: Run, recorded: Path, recorded_again: Path):
    done = run(recorded, recorded_again, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["verdict"], answer["first"], answer["strict"]) == ("same", None, True)
    assert answer["frames"].keys() == {"air", "chamber", "fan", "probe", "vent"}
    assert answer["frames"]["fan"]["a"] > 1000
    assert answer["signals"]["fan.speed"]["a"] > 500
    assert answer["commands"]["fan.pwm"]["a"] > 500
    table = run(recorded, recorded_again).stdout
    assert "signals: same" in table
    assert table.splitlines()[-1] == "same"


def test_a_gain_that_differs_by_less_than_a_thousandth_is_found_at_its_first_command(
    run: Run, recorded: Path, recorded_with_another_gain: Path
):
    done = run(recorded, recorded_with_another_gain, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    answer = json.loads(done.stdout)
    first = answer["first"]
    assert (first["kind"], first["signal"], first["differs"]) == ("command", "chamber.heater_duty", ["value"])
    assert first["expected"]["value"] < first["came"]["value"] < first["expected"]["value"] * 1.001
    assert [field["field"] for field in first["bytes"]["fields"] if not field["same"]] == ["heater_duty"]
    assert first["bytes"]["a"]["meaning"].startswith("write heater_duty ")
    assert answer["signals"]["chamber.heater_duty"]["max_error"] > 0
    assert answer["signals"]["fan.speed"]["same"]
    told = run(recorded, recorded_with_another_gain).stdout
    assert f"command {first['record']} of chamber.heater_duty: value differs" in told
    assert told.splitlines()[-1] == "diverged"


def test_what_differs_within_tolerance_is_the_same(
    run: Run, recorded: Path, recorded_with_another_gain: Path, tmp_path: Path
):
    loose = ("--tolerance", "*=0.05,1%", "--within", "1ms")
    assert run(recorded, recorded_with_another_gain, *loose).returncode == 0
    tolerances = tmp_path / "tolerances.yaml"
    tolerances.write_text('within: 1 ms\n"*": 0.05, 1 %\n')
    assert run(recorded, recorded_with_another_gain, "--tolerances", tolerances).returncode == 0
    tight = (*loose, "--tolerance", "chamber.heater_duty=0")
    done = run(recorded, recorded_with_another_gain, *tight, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["first"]["signal"] == "chamber.heater_duty"


class OneBitFlipped(SessionRecording):
    """A session in one of whose frames a bit is another."""

    def frames(self, device: str) -> Iterator[Frame]:
        for number, frame in enumerate(super().frames(device)):
            if (device, number) == ("fan", 100):
                data = bytearray(frame.data)
                data[-3] ^= 1
                frame = frame._replace(data=bytes(data))
            yield frame


def test_one_flipped_bit_in_one_frame_is_found_and_its_bytes_are_told_side_by_side(recorded: Path):
    with SessionReader(recorded) as session:
        found = compare(SessionRecording(session), OneBitFlipped(session))
    first = found.as_dict()["first"]
    assert (first["kind"], first["device"], first["record"]) == ("frame", "fan", 100)
    assert first["differs"] == ["bytes"]
    assert first["bytes"]["a"]["meaning"].startswith("answer to command 0x10 seq ")
    assert first["bytes"]["b"]["meaning"].startswith("not understood: CRC mismatch")
    counts = {device: each["differing"] for device, each in found.as_dict()["frames"].items()}
    assert counts == {"air": 0, "chamber": 0, "fan": 1, "probe": 0, "vent": 0}


def test_a_damaged_session_is_neither_same_nor_different(run: Run, recorded: Path, tmp_path: Path):
    cut = tmp_path / "cut.session"
    cut.write_bytes(recorded.read_bytes()[:-5000])
    for arguments in ((recorded, cut), (cut, recorded)):
        done = run(*arguments, "--json")
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{cut}: damaged" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "samples,comands"), "did you mean 'commands'?"),
        (("--within", "soon"), "--within soon: 'soon' is no quantity"),
        (("--within", "2 h"), "times may differ by 0 to 600 s"),
        (("--tolerance", "fan.sped=1"), "did you mean 'fan.speed'?"),
        (("--tolerances", "nowhere.yaml"), "cannot be read: No such file or directory"),
        (("--html", "nowhere/page.html"), "cannot write nowhere/page.html"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(
    run: Run, recorded: Path, arguments: tuple[str, ...], words: str
):
    done = run(recorded, recorded, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_session_that_is_not_there_is_named(run: Run, recorded: Path):
    done = run(recorded, "mondy")
    assert done.returncode == 2
    assert "there is no session 'mondy'" in done.stderr
