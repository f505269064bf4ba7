"""What `testbed replay --decode` says of a decoder, a profile or a recording that was changed on purpose."""

from __future__ import annotations

import json
import re
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hil_tests.cli.inside import Result, run_inside
from hil_tests.session.compare.memory import RIG
from testbed.bench.profile import SHIPPED
from testbed.drivers import Driver, driver_class
from testbed.drivers.ble import BleDriver
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.protocols.gatt import GattAddress
from testbed.protocols.lorawan.payload import Field
from testbed.protocols.modbus.blocks import RegisterBlock
from testbed.session.decode import feeding
from testbed.session.file import Frame, SessionReader
from testbed.signals import Sample

from .recordings import flip_bit, frames_of

Replay = Callable[..., Result]
DEVICES = ("chamber", "probe", "fan", "air", "vent")


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Run `testbed replay` with some arguments."""
    return lambda *arguments: run_inside(monkeypatch, capsys, "replay", *arguments)


def answer_of(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def series_of(path: Path, signal: str) -> list[tuple[int, float]]:
    with SessionReader(path) as session:
        times, values, _ = session.series(session.signal(signal).id)
        return list(zip(times, values, strict=True))


# Nothing changed ----------------------------------------------------------------------------------


def test_an_unchanged_session_is_the_same_and_every_device_is_counted(demo: Path, replay: Replay) -> None:
    result = replay(demo, "--decode", "--json")
    answer = answer_of(result)
    assert (result.returncode, result.stderr) == (0, "")
    assert (answer["verdict"], answer["first"], answer["not_decoded"]) == ("same", None, {})
    assert tuple(answer["devices"]) == DEVICES
    assert answer["speed"] > 0
    with SessionReader(demo) as session:
        assert {name: each["frames"] for name, each in answer["devices"].items()} == session.frame_counts()
    for counts in answer["devices"].values():
        assert counts["decoded"] == counts["compared"] > 0
        assert counts["not_from_bytes"] == 0


def test_for_people_it_is_a_table_and_a_line(demo: Path, replay: Replay) -> None:
    result = replay(demo, "--decode")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["device", "frames", "decoded", "compared", "not", "from", "bytes"]
    assert [line.split()[0] for line in lines[1:6]] == list(DEVICES)
    assert re.fullmatch(rf"{re.escape(str(demo))}  same  [\d,]+ x real time", lines[6])


def test_decoded_samples_can_be_kept_as_a_session_that_decodes_to_the_same(
    demo: Path, replay: Replay, tmp_path: Path
) -> None:
    kept = tmp_path / "decoded.session"
    assert replay(demo, "--decode", "--session", kept).returncode == 0
    assert series_of(kept, "fan.speed") == series_of(demo, "fan.speed")
    assert frames_of(kept, "chamber") == frames_of(demo, "chamber")
    with SessionReader(kept) as session:
        assert session.verdict() == "same"
        assert session.meta()["replay"] == {"kind": "decode", "of": "demo.session"}
    assert replay(kept, "--decode").returncode == 0
    again = replay(demo, "--decode", "--session", kept)
    assert again.returncode == 2
    assert "no recording is ever overwritten" in again.stderr


def test_nothing_but_the_session_file_is_needed(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("testbed.bench.profile.SHIPPED", tmp_path / "nowhere")
    assert replay(demo, "--decode").returncode == 0


# A changed decoder --------------------------------------------------------------------------------


def rounded_registers(original: Any) -> Any:
    return lambda self, data, offset=0: [round(value, 3) for value in original(self, data, offset)]


def rounded_field(original: Any) -> Any:
    return lambda self, payload: round(original(self, payload) * 0.1, 1) * 10


def rounded_number(original: Any) -> Any:
    return lambda self, data: None if (value := original(self, data)) is None else round(value * 2) / 2


def test_one_changed_rounding_in_the_registers_is_found_and_its_first_record_named(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegisterBlock, "unpack", rounded_registers(RegisterBlock.unpack))
    time_ns, value = next(
        (time_ns, value)
        for time_ns, value in series_of(demo, "chamber.temperature")
        if value != round(value, 3)
    )
    result = replay(demo, "--decode", "--json")
    first = answer_of(result)["first"]
    assert result.returncode == 1
    assert (first["device"], first["signal"], first["time_ns"]) == ("chamber", "temperature", time_ns)
    assert first["recorded"] == {"value": value, "quality": "good", "reason": ""}
    assert first["decoded"] == {"value": round(value, 3), "quality": "good", "reason": ""}
    assert first["frame"]["time_ns"] == time_ns
    assert bytes.fromhex(first["frame"]["bytes"])[7:] == b"\x04\x04" + struct.pack(">f", value)


def test_the_same_is_told_to_people_with_time_values_and_bytes(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegisterBlock, "unpack", rounded_registers(RegisterBlock.unpack))
    result = replay(demo, "--decode")
    text = result.stdout
    assert result.returncode == 1
    assert re.search(
        r"first difference: chamber\.temperature at 2000-01-01T00:00:\d\d\.\d{9}Z \(\d+ ns\)\n"
        r"  recorded  [\d.]+ good\n  decoded   [\d.]+ good\n  bytes     [0-9a-f ]+\n",
        text,
    )
    assert re.search(r"^chamber .* diverged\s*$", text, re.MULTILINE)
    assert re.search(r"^probe .* same\s*$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "method", "change", "device"),
    [
        (Field, "decode", rounded_field, "vent"),
        (GattAddress, "unpack", rounded_number, "air"),
    ],
    ids=["lorawan", "ble"],
)
def test_one_changed_rounding_in_any_other_decoder_is_found(
    kind: type, method: str, change: Any, device: str, demo: Path, replay: Replay, monkeypatch: Any
) -> None:
    monkeypatch.setattr(kind, method, change(getattr(kind, method)))
    result = replay(demo, "--decode", "--json")
    assert result.returncode == 1
    assert answer_of(result)["first"]["device"] == device


def test_one_changed_rounding_in_the_answers_of_an_instrument_is_found(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testbed.drivers.scpi import readings

    original = readings.parse_number
    monkeypatch.setattr(readings, "parse_number", lambda text: round(original(text), 4))
    result = replay(demo, "--decode", "--json")
    first = answer_of(result)["first"]
    assert (result.returncode, first["device"], first["signal"]) == (1, "probe", "temperature")
    assert bytes.fromhex(first["frame"]["bytes"]).decode().strip() == f"{first['recorded']['value']:+.8E}"


def test_a_decoder_that_says_nothing_of_damage_any_more_is_found(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testbed.drivers.cobs.telemetry import TelemetryFlow

    monkeypatch.setattr(TelemetryFlow, "frame", lambda self, frame, time_ns: 0)
    result = replay(demo, "--decode", "--json")
    first = answer_of(result)["first"]
    assert (result.returncode, first["device"], first["signal"]) == (1, "fan", "speed")
    assert first["time_ns"] == series_of(demo, "fan.speed")[0][0]
    assert first["decoded"] is None


# A changed profile --------------------------------------------------------------------------------


def changed_fan(folder: Path, **current: Any) -> Path:
    profile = yaml.safe_load((SHIPPED / "cobs" / "fan-driver.yaml").read_text())
    profile["signals"]["current"].update(current)
    folder.mkdir()
    (folder / "any-name.yaml").write_text(yaml.safe_dump(profile))
    (folder / "not-a-profile.yml").write_text("- 1\n")
    return folder


def test_one_changed_scale_in_a_profile_is_found_and_the_other_signals_are_the_same(
    demo: Path, replay: Replay, tmp_path: Path
) -> None:
    profiles = changed_fan(tmp_path / "profiles", scale=0.00101)
    result = replay(demo, "--decode", "--profiles", profiles, "--json")
    first = answer_of(result)["first"]
    time_ns, value = next(each for each in series_of(demo, "fan.current") if each[1])
    assert result.returncode == 1
    assert (first["device"], first["signal"], first["time_ns"]) == ("fan", "current", time_ns)
    assert first["recorded"]["value"] == value
    assert first["decoded"]["value"] == pytest.approx(value * 1.01)


def test_an_unchanged_profile_of_the_folder_gives_the_same(
    demo: Path, replay: Replay, tmp_path: Path
) -> None:
    assert replay(demo, "--decode", "--profiles", changed_fan(tmp_path / "profiles")).returncode == 0


@pytest.mark.parametrize(("folder", "words"), [("nowhere", "there is no folder"), ("", "no profile in")])
def test_a_folder_without_a_profile_of_the_session_is_refused_by_name(
    folder: str, words: str, demo: Path, replay: Replay, tmp_path: Path
) -> None:
    result = replay(demo, "--decode", "--profiles", tmp_path / folder)
    assert result.returncode == 2
    assert words in result.stderr


def test_a_profile_that_cannot_be_is_refused_with_its_line(
    demo: Path, replay: Replay, tmp_path: Path
) -> None:
    result = replay(demo, "--decode", "--profiles", changed_fan(tmp_path / "profiles", offset=2))
    assert result.returncode == 2
    assert re.search(r"any-name\.yaml:\d+:\d+: current overlaps", result.stderr)


def test_another_bench_file_is_taken_instead(demo: Path, replay: Replay, tmp_path: Path) -> None:
    bench = yaml.safe_load(RIG.read_text())
    for section in ("plant", "twins", "loops", "guard", "expect"):
        bench.pop(section)
    bench["devices"].pop("vent")
    file = tmp_path / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    result = replay(demo, "--decode", "--bench", file, "--json")
    answer = answer_of(result)
    assert answer["not_decoded"] == {"vent": "the bench has no such device"}
    assert tuple(answer["devices"]) == ("chamber", "probe", "fan", "air")


# A changed recording ------------------------------------------------------------------------------


def has_value(device: str) -> Callable[[Frame], bool]:
    """Return what picks a frame that carries values, some way into the recording."""
    marks = {
        "chamber": lambda data: data[7:9] == b"\x04\x04",
        "probe": lambda data: data[:1] in b"+-",
        "fan": lambda data: len(data) > 8,
        "air": lambda data: data[0] in (0x0B, 0x1B),
        "vent": lambda data: data[2:].split(b"{")[0].endswith(b"/up"),
    }
    return lambda frame: frame.direction is Direction.RX and marks[device](frame.data)


@pytest.mark.parametrize("device", DEVICES)
def test_one_flipped_bit_in_a_recorded_frame_is_found_and_the_frame_named(
    device: str, demo: Path, replay: Replay
) -> None:
    frames = [frame for frame in frames_of(demo, device) if has_value(device)(frame)]
    frame = frames[len(frames) // 2]
    # In the last byte but one of what holds the value; of an uplink in its payload in base64.
    byte = frame.data.index(b'"data":"') + 8 if device == "vent" else len(frame.data) - 2
    flip_bit(demo, frame, byte)
    result = replay(demo, "--decode", "--json")
    first = answer_of(result)["first"]
    assert result.returncode == 1
    assert (first["device"], first["frame"]["time_ns"]) == (device, frame.time_ns)
    assert bytes.fromhex(first["frame"]["bytes"])[byte] == frame.data[byte] ^ 1


def test_one_flipped_bit_in_a_recorded_question_is_found(demo: Path, replay: Replay) -> None:
    asked = [frame for frame in frames_of(demo, "probe") if frame.direction is Direction.TX]
    flip_bit(demo, asked[-5], 0)
    result = replay(demo, "--decode", "--json")
    first = answer_of(result)["first"]
    assert (result.returncode, first["device"]) == (1, "probe")
    assert first["time_ns"] > asked[-5].time_ns
    assert first["decoded"] is None


def test_a_flipped_bit_that_the_files_own_checksum_shows_is_damage(demo: Path, replay: Replay) -> None:
    with sqlite3.connect(demo) as database:
        database.execute("UPDATE frames SET data = zeroblob(length(data)) WHERE id = 1")
    database.close()
    result = replay(demo, "--decode", "--json")
    assert result.returncode == 3
    assert "CRC-32" in result.stderr


def test_a_session_without_its_profile_is_damage_by_name(demo: Path, replay: Replay) -> None:
    with sqlite3.connect(demo) as database:
        database.execute("DELETE FROM attachments WHERE name LIKE 'profiles/cobs%'")
    database.close()
    result = replay(demo, "--decode")
    assert result.returncode == 3
    assert "profiles/cobs/fan-driver.yaml" in result.stderr


# Drivers of other packages ------------------------------------------------------------------------


class _Foreign(BleDriver):
    decoder = Driver.decoder  # type: ignore[assignment]  # as a driver that has none


def test_devices_whose_driver_does_not_decode_or_is_not_here_are_named_and_left_alone(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def others(protocol: str) -> type[Driver]:
        if protocol == "lorawan":
            raise UsageError("no driver speaks 'lorawan'")
        return _Foreign if protocol == "ble" else driver_class(protocol)

    monkeypatch.setattr(feeding, "driver_class", others)
    result = replay(demo, "--decode", "--json")
    answer = answer_of(result)
    assert result.returncode == 0
    assert tuple(answer["devices"]) == ("chamber", "probe", "fan")
    assert answer["not_decoded"] == {
        "air": "the driver of ble does not decode recordings",
        "vent": "no driver speaks 'lorawan'",
    }
    told = replay(demo, "--decode").stdout
    assert "not decoded: no driver speaks 'lorawan'" in told


def test_what_decoders_get_wrong_is_told_of_the_earliest_record_of_all_devices(
    demo: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testbed.session.decode.series import Column

    original = Column.add
    late: list[Sample] = []

    def add(self: Column, sample: Sample) -> None:
        late.append(sample)
        original(self, Sample(sample.signal, sample.time_ns, sample.value + 1e-9))

    monkeypatch.setattr(Column, "add", add)
    first = answer_of(replay(demo, "--decode", "--json"))["first"]
    assert first["time_ns"] == min(sample.time_ns for sample in late)
