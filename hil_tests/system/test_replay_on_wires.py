"""A session of the demo bench replayed on real wires: the same, and each change on purpose found."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hil_tests.support.tampering import change_request

from .processes import RIG, TESTBED, testbed

pytestmark = [pytest.mark.needs_system("dbus-daemon"), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of the demo bench, nothing plugged in."""
    session = tmp_path_factory.mktemp("replay") / "demo.session"
    result = testbed("run", RIG, "--emulate", "all", "--for", "6s", "--json", "--session", session)
    assert session.exists(), result.stderr
    return session


def replay(session: Path, *options: str | Path) -> tuple[int, dict[str, Any]]:
    into = session.with_name(f"{session.stem}-{len(list(session.parent.iterdir()))}.session")
    result = testbed("replay", session, "--wire", "--session", into, "--json", *options)
    assert result.stdout, result.stderr
    told = json.loads(result.stdout)
    assert into.exists()
    return result.returncode, told


def test_a_recorded_session_replays_without_a_divergence(recorded: Path):
    code, told = replay(recorded)
    assert told["divergences"] == []
    assert {path for path, heard in told["heard"].items() if heard["extra"]} == set()
    assert (code, told["verdict"], told["complete"], told["not_played"]) == (0, "same", True, {})
    assert told["heard"]["fan.speed"]["b"] > 400
    assert told["heard"]["air.humidity"]["max_error"] == 0


def test_one_changed_byte_in_one_request_is_named(recorded: Path):
    changed = recorded.with_name("changed.session")
    request = change_request(recorded, changed, "probe", 20, at=3, bits=0x01)
    code, told = replay(changed)
    assert (code, told["verdict"]) == (1, "diverged")
    assert [each["data"] for each in told["divergences"] if each["device"] == "probe"] == [request.hex()]
    assert "'MEAR:TEMP?'" in told["divergences"][0]["text"]


def test_another_gain_is_found_where_it_first_commands_something_else(recorded: Path, tmp_path: Path):
    bench = tmp_path / "gain.yaml"
    bench.write_text(RIG.read_text().replace("kp: 0.01, ki: 0.06", "kp: 0.04, ki: 0.06"))
    code, told = replay(recorded, "--bench", bench)
    assert (code, told["verdict"]) == (1, "diverged")
    assert {each["device"] for each in told["divergences"]} == {"fan"}
    assert "set pwm" in told["divergences"][0]["text"]


def test_another_scale_in_a_profile_is_found_in_what_is_heard(recorded: Path, tmp_path: Path):
    shipped = RIG.parents[1] / "testbed" / "bench" / "profiles" / "modbus" / "thermal-chamber.yaml"
    (tmp_path / "thermal-chamber.yaml").write_text(
        shipped.read_text().replace(
            "{input: 2, type: int16, scale: 0.1", "{input: 2, type: int16, scale: 0.11"
        )
    )
    code, told = replay(recorded, "--profiles", tmp_path)
    assert (code, told["verdict"], told["divergences"]) == (1, "diverged", [])
    assert [path for path, heard in told["heard"].items() if heard["differing"] > 10] == [
        "chamber.load_temperature"
    ]


def test_recorded_devices_are_there_for_any_controller(recorded: Path):
    command = [*TESTBED, "play", str(recorded), "--only", "chamber,probe", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        wires = json.loads(process.stdout.readline())["devices"]
        assert list(wires) == ["chamber", "probe"]
        scanned = testbed(
            "scan", "modbus", wires["chamber"]["wire"].partition("?")[0], "--units", "9", "--json"
        )
        assert json.loads(scanned.stdout) == {"found": []}
        process.send_signal(signal.SIGINT)
        told = [json.loads(line) for line in process.stdout]
    assert process.returncode == 1
    assert told[-1]["divergences"] == len(told) - 1 > 0
    asked = next(each for each in told if each.get("what") == "asked")
    assert asked["device"] == "chamber"  # the scan asked unit 9, of which the recording knows nothing


@pytest.mark.parametrize("command", [("replay", "--wire"), ("play",)])
def test_a_damaged_recording_is_refused_before_anything_is_played(recorded: Path, command: tuple[str, ...]):
    damaged = recorded.with_name(f"damaged-{command[0]}.session")
    change_request(recorded, damaged, "probe", 20, at=3, bits=0x01, sealed=False)
    result = testbed(command[0], damaged, *command[1:])
    assert (result.returncode, result.stdout) == (3, "")
    assert "frames does not match its CRC-32" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere.session", "--wire"), 2, "nowhere.session"),
        ((RIG, "--wire"), 3, "no session file"),
        (("nowhere.session", "--wire", "--decode"), 2, "different kinds of replay"),
    ],
)
def test_what_cannot_be_replayed_is_said(arguments: tuple[str | Path, ...], code: int, words: str):
    result = testbed("replay", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
