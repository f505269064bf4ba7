"""What a session says about itself, and the secrets of its wires, which it must never hold."""

from __future__ import annotations

import asyncio
import json
import subprocess
from urllib.parse import unquote

import pytest
import yaml

from hil_tests.system.processes import RIG, testbed
from testbed import __version__
from testbed.bench import BenchFileError, load_bench, parse_wire
from testbed.bench.profile import SHIPPED
from testbed.session.file import SessionReader
from testbed.session.metadata import about_host, attachments, start_metadata
from testbed.session.run import Run, RunVerdict

SECRET = "Hunter2-Hunter2"  # noqa: S105  (it is what the test looks for)

SECRETIVE = """\
bench: secretive
devices:
  user: {profile: lorawan/vent-valve, wire: "chirpstack+mqtt://hil:${SECRET}@127.0.0.1:1/1/70b3d57ed0000001"}
  file: {profile: lorawan/vent-valve, wire: "chirpstack+mqtt://127.0.0.1:1/1/70b3d57ed0000002?tls=on&ca=${SECRET}"}
  host: {profile: cobs/fan-driver, wire: "serial:///dev/${SECRET}?baud=115200"}
"""


def test_the_bench_its_devices_versions_and_host_are_told():
    bench = load_bench(RIG, {})
    told = start_metadata(bench, about_host(bench), "real", ["probe"], 7)
    assert (told["bench"], told["seed"], told["testbed"]) == ("thermal-rig", 7, __version__)
    assert told["devices"]["probe"] == {
        "profile": "scpi/thermometer", "wire": "serial:///dev/ttyUSB0?baud=115200", "emulated": True,
    }  # fmt: skip
    assert told["devices"]["fan"]["emulated"] is False
    assert told["expectations"] == [each.text for each in bench.expectations]
    assert set(told["host"]) == {"name", "system", "python"}
    json.dumps(told, allow_nan=False)


def test_the_commit_is_that_of_the_bench_file(tmp_path):
    (tmp_path / "bench.yaml").write_bytes(RIG.read_bytes())
    bench = load_bench(tmp_path / "bench.yaml", {})
    assert about_host(bench)["git_commit"] is None

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    told = about_host(bench)
    assert (told["git_commit"], told["git_dirty"]) == (git("rev-parse", "HEAD"), False)
    git("add", "bench.yaml")
    assert about_host(bench)["git_dirty"] is True


def test_the_bench_file_and_its_profiles_are_attached_as_they_stand_on_disk(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(SECRETIVE)
    attached = attachments(load_bench(file, {"SECRET": SECRET}), {}, 0)
    made = {"bench/resolved.json", "environment.json"}
    assert {name: data for name, data in attached.items() if name not in made} == {
        "bench/bench.yaml": SECRETIVE.encode(),
        "profiles/lorawan/vent-valve.yaml": (SHIPPED / "lorawan" / "vent-valve.yaml").read_bytes(),
        "profiles/cobs/fan-driver.yaml": (SHIPPED / "cobs" / "fan-driver.yaml").read_bytes(),
    }


def test_the_bench_is_attached_as_it_was_resolved_in_plain_numbers():
    bench = load_bench(RIG, {})
    resolved = json.loads(attachments(bench, {}, 7)["bench/resolved.json"])
    assert resolved["seed"] == 7
    assert resolved["devices"]["chamber"] == {
        "profile": "modbus/thermal-chamber", "protocol": "modbus",
        "wire": "modbus+tcp://10.0.0.5:502?unit=1",
        "configure": {"heater_enable": 1.0, "setpoint": 60.0}, "calibration": [],
        "firmware": None, "board": None,
    }  # fmt: skip
    assert [signal["id"] for signal in resolved["signals"]] == list(range(len(bench.signals)))
    hold = resolved["loops"]["hold"]
    assert (hold["setpoint"], hold["period_ns"], hold["controller"]["pid"]["ki"]) == (60.0, 100_000_000, 1.2)
    assert resolved["plant"]["sensors"]["probe.temperature"] == {"lag_s": 0.2, "noise": 0.02}
    model = resolved["twins"]["chamber"]["model"]
    assert model["inputs"]["fan_speed"] == "fan.speed"
    # Those that nobody gave stand there too: the recording must say what was reckoned with.
    assert model["parameters"]["heater_power"] == resolved["plant"]["parameters"]["heater_power"] == 500.0


def test_the_programs_that_ran_it_and_their_versions_are_attached():
    bench = load_bench(RIG, {})
    environment = json.loads(attachments(bench, about_host(bench), 0)["environment.json"])
    assert {"pymodbus", "bleak", "hil-testbed"} <= set(environment["versions"])
    assert {"git_commit", "git_dirty", "host", "testbed"} <= set(environment)


def test_calibration_data_is_attached_byte_for_byte_and_missing_files_are_told_with_their_line(tmp_path):
    file = tmp_path / "bench.yaml"
    text = """\
bench: calibrated
devices:
  probe:
    profile: scpi/thermometer
    wire: "serial:///dev/ttyUSB0"
    calibration: [probe-2026.csv, certificates/41.pdf]
"""
    file.write_text(text)
    (tmp_path / "probe-2026.csv").write_bytes(b"degC,ohm\n0,100\n")
    with pytest.raises(BenchFileError, match=r"bench.yaml:6:35: there is no file 'certificates/41.pdf'"):
        load_bench(file, {})
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "41.pdf").write_bytes(bytes(range(256)))
    attached = attachments(load_bench(file, {}), {}, 0)
    assert attached["calibration/probe/probe-2026.csv"] == b"degC,ohm\n0,100\n"
    assert attached["calibration/probe/certificates/41.pdf"] == bytes(range(256))


def test_a_password_that_stands_in_the_bench_file_is_in_no_attachment(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(
        f"# was: mqtt://hil:older@broker\nbench: b\n# the password is {SECRET}, from ${{PIN}}\ndevices:\n"
        f'  vent: {{profile: lorawan/vent-valve, wire: "chirpstack+mqtt://hil:{SECRET}@h/1/70b3d57ed0000001"}}\n'
        '  gate: {profile: lorawan/vent-valve, wire: "chirpstack+mqtt://hil:${PIN}@h/1/70b3d57ed0000002"}\n'
    )
    bench = load_bench(file, {"PIN": "93817"})
    assert bench.devices["vent"].wire.password == SECRET
    attached = attachments(bench, {}, 0)
    assert not [name for name, data in attached.items() if SECRET.encode() in data or b"older" in data]
    written = attached["bench/bench.yaml"].decode()
    assert written.count("//hil:***@") == 2
    assert "the password is ***" in written
    assert "//hil:${PIN}@h" in written  # what stands for a secret is none
    told = bench.devices["vent"].wire.redacted(f"refused: user hil, password {SECRET}")
    assert told == "refused: user hil, password ***"


@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "people"])
def test_a_secret_from_the_environment_is_nowhere_in_the_session_nor_in_what_is_printed(
    tmp_path, monkeypatch, options
):
    """Each wire fails in its own way, and none of the errors may tell."""
    file, session = tmp_path / "bench.yaml", tmp_path / "run.session"
    file.write_text(SECRETIVE)
    monkeypatch.setenv("SECRET", SECRET)
    result = testbed("run", file, "--for", "1s", "--session", session, *options)
    assert result.returncode == 4, result.stderr
    texts = [result.stdout, result.stderr]
    texts += [testbed("show", session, *options).stdout]
    texts += [each.read_bytes().decode("latin-1") for each in tmp_path.iterdir() if each != file]
    for text in texts:
        assert SECRET.lower() not in text.lower()
    assert "/dev/${SECRET}" in result.stderr  # by its name, so that the user knows which
    with SessionReader(session) as reader:
        wires = {name: device["wire"] for name, device in reader.meta()["devices"].items()}
    assert wires["user"] == "chirpstack+mqtt://hil:***@127.0.0.1:1/1/70b3d57ed0000001"
    assert wires["host"] == "serial:///dev/${SECRET}?baud=115200"


@pytest.mark.parametrize(
    ("wire", "environment", "words"),
    [
        ("modbus+tcp://h:${PORT}", {"PORT": "se,cret"}, r"\$\{PORT\}"),
        ("modbus+tcp://h:1?unit=${UNIT}", {"UNIT": "se-cret"}, r"unit=\$\{UNIT\} is not a whole number"),
        ("mqtt://u:${PW}@h", {}, "the environment variable PW is not set"),
    ],
)
def test_a_wire_that_cannot_be_read_does_not_tell_what_the_environment_gave(wire, environment, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_wire(wire, environment).number("unit", 1)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("password", ["p@ssword", "pass/word", "p:ss", "pa%40ss", "a@b@c/d:e"])
def test_a_password_is_hidden_whatever_stands_in_it(tmp_path, password):
    file = tmp_path / "bench.yaml"
    wire = f"chirpstack+mqtt://hil:{password}@h/1/70b3d57ed0000001"
    file.write_text(
        f'bench: b\ndevices:\n  vent: {{profile: lorawan/vent-valve, wire: "{wire}"}}\n# {wire}\n'
    )
    bench = load_bench(file, {})
    device = bench.devices["vent"]
    assert str(device.wire) == "chirpstack+mqtt://hil:***@h/1/70b3d57ed0000001"
    assert device.wire.password == unquote(password)
    written = attachments(bench, {}, 0)["bench/bench.yaml"].decode()
    assert written.count("chirpstack+mqtt://hil:***@h/1/70b3d57ed0000001") == 2
    assert device.wire.redacted(f"not {password} nor {unquote(password)}") == "not *** nor ***"


def test_a_number_from_the_environment_leaves_other_numbers_alone():
    wire = parse_wire("modbus+tcp://${HOST}:502?unit=${UNIT}", {"HOST": "10.0.0.5", "UNIT": "1"})
    assert (wire.host, wire.number("unit", 0)) == ("10.0.0.5", 1)
    assert (
        wire.redacted("10.0.0.5:502: unit 1 of 10, 0.1 s") == "${HOST}:502: unit ${UNIT} of 10, 0.${UNIT} s"
    )


def test_a_device_that_could_not_be_emulated_takes_no_part_and_its_real_wire_is_left_alone(tmp_path):
    """Though something answers at it: the run was to be emulated."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))
        writer.close()

    async def run() -> RunVerdict:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            document = yaml.safe_load(RIG.read_text())
            device = {**document["devices"]["chamber"], "wire": f"modbus+tcp://127.0.0.1:{port}?unit=1"}
            file = tmp_path / "bench.yaml"
            file.write_text(yaml.safe_dump({"bench": "b", "devices": {"chamber": device}}))
            absent = {"chamber": "no room\n  next  make some"}
            controller = Run(
                load_bench(file, {}), tmp_path / "run.session",
                seed=0, emulated=["chamber"], absent=absent, tell=lambda event: None,
            )  # fmt: skip
            return await controller.run(1.0)

    assert asyncio.run(run()) is RunVerdict.BLOCKED
    assert asked == []
    with SessionReader(tmp_path / "run.session") as reader:
        assert reader.meta()["unreached"] == ["chamber"]
        assert {sample.reason for sample in reader.samples()} == {"offline: no room"}
        texts = [event.text for event in reader.events() if event.source == "chamber"]
    assert texts == ["chamber takes no part in this run: no room\n  next  make some"]
