"""Recordings of devices that speak unasked: telemetry, notifications, uplinks, with all that befalls them."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from chirpstack_api.integration import integration_pb2 as schema

from hil_tests.support import DriverLog, emulate, eventually, make_device
from hil_tests.support.far_end import far_end
from hil_tests.support.lorawan import WIRE, HandPlayedServer, hand_played
from testbed.bench.profile import SHIPPED, load_profile
from testbed.bench.wires import parse_wire
from testbed.drivers.cobs import CobsDriver
from testbed.links import PtyEnd
from testbed.protocols.cobs import Frame, encode_frame
from testbed.protocols.crc import CATALOGUE
from testbed.signals import Outcome, Quality

from .recordings import RecordedLog, bad_reasons, decoded, recorded, the_same

BOARD = """
profile: test/board
protocol: cobs
signals:
  speed: {telemetry: 0x01, offset: 0, type: float32, unit: rpm, access: notify, rate: 50 Hz}
  current: {telemetry: 0x01, offset: 4, type: uint16, scale: 0.001, unit: A, access: notify, rate: 50 Hz}
  other: {telemetry: 0x02, offset: 0, type: uint8, access: notify, rate: 50 Hz}
  pwm: {command: 0x10, type: uint16, scale: 0.01, unit: "%", access: write, limits: [0, 100], safe: 0}
"""
THERMOSTAT = (Path(__file__).parents[2] / "emulators" / "ble_thermostat.yaml").read_text()
_CRC = CATALOGUE["crc16-ccitt-false"]


def telemetry(sequence: int, speed: float = 1500.0, kind: int = 0x01) -> bytes:
    payload = struct.pack("<fH", speed, 250 + sequence) if kind == 0x01 else bytes([sequence])
    return encode_frame(Frame(kind, sequence, payload), _CRC)


async def opened(log: DriverLog) -> None:
    """Wait until the port is open: what is sent before would be flushed."""
    driver = log.driver
    assert isinstance(driver, CobsDriver)
    await eventually(lambda: driver._link is not None, "the port open")


# COBS ---------------------------------------------------------------------------------------------


async def test_many_frames_in_one_read_get_the_very_times_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    with far_end(lambda port, data: None) as port:
        async with recorded(path, BOARD, f"serial://{port.path}", wait_online=False) as log:
            await opened(log)
            for first in range(0, 120, 40):
                port.write(b"".join(telemetry(n) + telemetry(n, kind=0x02) for n in range(first, first + 40)))
                await eventually(lambda n=first: len(log.good("other")) == n + 40, "80 frames more")
    the_same(path, log)
    times = [sample.time_ns for sample in log.good("speed")]
    assert times == sorted(set(times))


async def test_damage_of_every_kind_is_decoded_as_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    crc_error, framing = bytearray(telemetry(1)), bytearray(telemetry(2))
    crc_error[5] ^= 0x40
    framing[0] = 0xFE
    with far_end(lambda port, data: None) as port:
        async with recorded(path, BOARD, f"serial://{port.path}", wait_online=False) as log:
            await opened(log)
            port.write(telemetry(7)[5:] + telemetry(0))  # the end of a frame is no damage
            await eventually(lambda: log.good("speed"), "online")
            for piece in (
                bytes(crc_error),
                bytes(framing),
                encode_frame(Frame(0x01, 3, b"1234"), _CRC),
                telemetry(4, math.nan),
                telemetry(5, -math.inf),
                bytes(range(1, 256)) * 3 + b"\0",
                telemetry(6)[:4],
                telemetry(6)[4:] + telemetry(9)[:-1],
                b"\0\0" + telemetry(10),
            ):
                port.write(piece)
            await eventually(lambda: any(s.value == 0.26 for s in log.good("current")), "the last frame")
    the_same(path, log)
    told = " ".join(bad_reasons(log))
    for words in (
        "CRC mismatch",
        "damaged framing",
        "has 4 bytes, expected 6",
        "sent nan",
        "longer than a frame",
    ):
        assert words in told


async def test_telemetry_that_stops_for_a_while_or_for_good_was_said_by_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    with far_end(lambda port, data: None) as port:
        async with recorded(path, BOARD, f"serial://{port.path}", wait_online=False) as log:
            await opened(log)
            port.write(telemetry(0) + telemetry(0, kind=0x02))
            await eventually(lambda: "online" in log.kinds(), "online")

            def alive() -> bool:
                port.write(telemetry(1))
                return "no telemetry 0x02 for 1 s" in bad_reasons(log)

            await eventually(alive, "one of two silent")
            await eventually(lambda: "offline" in log.kinds(), "both silent")
    the_same(path, log)
    assert decoded(path).devices["dut"].not_from_bytes >= 4


async def test_an_emulated_fan_with_commands_unplugged_and_back_decodes_to_the_very_samples(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.session"
    fan = make_device("cobs/fan-driver", "serial:///dev/ttyACM0?baud=115200")
    async with (
        emulate(fan) as emulated,
        recorded(path, "cobs/fan-driver", emulated["dut"].device.wire) as log,
    ):
        commands = [log.command("pwm", value) for value in (0.0, 42.25, 100.0)]
        await eventually(lambda: not any(command.pending for command in commands), "outcomes")
        emulated.plugs["dut"].unplug()
        await eventually(lambda: "offline" in log.kinds(), "the loss")
        emulated.plugs["dut"].plug()
        await eventually(lambda: log.kinds().count("online") == 2, "online again", within=20)
        count = len(log.good("speed"))
        await eventually(lambda: len(log.good("speed")) > count + 20, "telemetry")
    the_same(path, log)


async def test_a_port_that_is_pulled_in_the_middle_of_a_frame_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    port: PtyEnd
    with far_end(lambda port, data: None) as port:
        async with recorded(path, BOARD, f"serial://{port.path}", wait_online=False) as log:
            await opened(log)
            port.write(telemetry(0) + telemetry(1)[:6])
            await eventually(lambda: "online" in log.kinds(), "online")
            await eventually(lambda: log.frames and log.frames[-1][2][-1:] != b"\0", "half a frame")
            port.unplug()
            await eventually(lambda: "offline" in log.kinds(), "the loss")
            port.plug()
            await eventually(lambda: log.driver._link is not None, "the port open", within=20)  # type: ignore[union-attr]
            port.write(telemetry(2)[6:] + telemetry(3))
            await eventually(lambda: log.kinds().count("online") == 2, "online again")
    the_same(path, log)
    assert not [reason for reason in bad_reasons(log) if not reason.startswith("offline")]


# Bluetooth ----------------------------------------------------------------------------------------


@pytest.mark.needs_system("dbus-daemon")
async def test_reads_notifications_refusals_and_commands_decode_to_the_very_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    file = tmp_path / "thermostat.yaml"
    file.write_text(THERMOSTAT)
    async with emulate(make_device(load_profile(file), "ble://C0:FF:EE:00:00:01")) as emulated:
        store, plug = emulated["dut"].store, emulated.plugs["dut"]
        store.set("temperature", -12.34)
        async with recorded(path, THERMOSTAT, emulated["dut"].device.wire) as log:
            await eventually(lambda: len(log.good("fan_speed")) >= 3, "polls")
            store.set("humidity", math.nan)
            store.set("battery", math.nan)  # a uint8 that cannot say so: the read is refused
            await eventually(
                lambda: log.of("humidity", Quality.BAD) and log.of("battery", Quality.BAD), "no values"
            )
            for value, outcome in ((80.0, Outcome.FAILED), (35.0, Outcome.ACKNOWLEDGED)):
                command = log.command("setpoint", value)
                await eventually(lambda command=command: not command.pending, "the outcome")
                assert command.outcome is outcome
            await eventually(lambda: log.good("setpoint_back")[-1].value == 35.0, "the read-back")
            plug.unplug()
            await eventually(lambda: "offline" in log.kinds(), "the loss")
            plug.plug()
            await eventually(lambda: log.kinds().count("online") == 2, "online again", within=20)
    the_same(path, log)
    told = bad_reasons(log)
    assert "the device says that the value is not known" in told
    assert "the device answered: Unlikely Error (ATT error 0x0E)" in told


# LoRaWAN ------------------------------------------------------------------------------------------


def quick_valve() -> str:
    """Return the text of a vent valve that sends often, as only a shielded box allows."""
    profile = yaml.safe_load((SHIPPED / "lorawan" / "vent-valve.yaml").read_text())
    for signal in profile["signals"].values():
        if "rate" in signal:
            signal["rate"] = "2.5 Hz"
    return yaml.safe_dump({**profile, "profile": "test/vent", "duty_cycle": "100 %", "rx1_delay": "0.1 s"})


async def played_to_the_end(server: HandPlayedServer, log: RecordedLog) -> None:
    """Let the server send what a server can send, last of all an uplink that takes everybody forward."""
    for f_cnt in (0, 1, 1, 4):
        server.up(f_cnt)
    server.up(5, b"\x55")
    server.up(6, b"\x01", f_port=7)
    server.up(7, b"", f_port=0)
    server.up(0, dev_addr="0018943f")
    server.raw("up", b"{")
    server.raw("up", b'{"deviceInfo":{"devEui":"0000000000000000"}}')
    server.raw("up", b'{"data":"*"}')
    server.raw("up", b'{"deviceInfo":{"devEui":"\\ud800"}}')
    server.raw("ack", b"{")
    server.raw("location", b"{")
    command = log.command("opening", 33.0)
    await eventually(lambda: server.downlinks, "the downlink")
    server.ack(server.downlinks[0].id)
    server.send("log", schema.LogEvent(level="WARNING", code="UPLINK_MIC", description="noise"))
    await eventually(lambda: not command.pending, "the outcome")
    await eventually(lambda: "no uplink for 1.2 s, expected every 0.4 s" in bad_reasons(log), "a silence")
    server.up(9, b"\x10\x20\x30", dev_addr="0018943f")
    await eventually(lambda: log.good("position")[-1].value == 8.0, "the last uplink")


async def test_events_of_every_kind_decode_to_the_very_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    async with hand_played() as (broker, server):
        wire = replace(parse_wire(WIRE), port=broker.port)
        text = f"{wire.scheme}://{wire.host}:{broker.port}{wire.path}"
        async with recorded(path, quick_valve(), text) as log:
            await played_to_the_end(server, log)
    the_same(path, log)
    assert decoded(path).devices["dut"].not_from_bytes == 2
    told = " ".join(bad_reasons(log))
    for words in ("JSON object", "devEui", "base64", "expected at least 2 bytes, got 1"):
        assert words in told
