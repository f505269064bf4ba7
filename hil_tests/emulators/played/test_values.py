"""What requests command, and how far a command may be off on wires in real time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import make_device
from testbed.bench.device import Device
from testbed.bench.profile import load_profile
from testbed.emulators.played import dialect_of, live_rules
from testbed.emulators.played.near import SHARE
from testbed.emulators.played.values import values_of
from testbed.links.gatt_frames import AttOpcode, GattFrame
from testbed.links.messages import encode_message
from testbed.links.played import Asked
from testbed.protocols.cobs import Frame, encode_frame
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.gatt import characteristics
from testbed.protocols.lorawan.chirpstack import Downlink, print_downlink
from testbed.protocols.lorawan.plan import read_plan
from testbed.protocols.lorawan.topics import device_address
from testbed.protocols.modbus import layout_of, plan_write, tcp
from testbed.protocols.scpi import SetTemplate

SUPPLY = load_profile(Path(__file__).parent / "scpi_supply.yaml")
THERMOSTAT = load_profile(Path(__file__).parents[1] / "ble_thermostat.yaml")

CHAMBER = make_device("modbus/thermal-chamber", "modbus+tcp://127.0.0.1:502?unit=1", "chamber")
FAN = make_device("cobs/fan-driver", "serial:///dev/ttyACM0", "fan")
VENT = make_device("lorawan/vent-valve", "chirpstack+mqtt://b:1883/1/70b3d57ed0000001", "vent")
AIR = make_device(THERMOSTAT, "ble://C0:FF:EE:00:00:01", "air")
PSU = make_device(SUPPLY, "serial:///dev/ttyUSB0", "psu")
DEVICES = [CHAMBER, FAN, VENT, AIR, PSU]


def modbus(name: str, value: float) -> bytes:
    return tcp.encode_frame(7, 1, plan_write(layout_of(CHAMBER.profile), name)(value).pdu)


def pwm(value: float) -> bytes:
    payload = round(value / 0.01).to_bytes(2, "little")
    return encode_frame(Frame(0x10, 3, payload), CATALOGUE["crc16-ccitt-false"])


def opening(value: float) -> bytes:
    address, layout = device_address("vent", VENT.wire), read_plan(VENT.profile).downlinks["opening"]
    data = layout.encode({"opening": value})
    downlink = Downlink(address.dev_eui, layout.f_port, data, True, "a-1", 10**18)
    return encode_message(address.downlink, print_downlink(downlink))


def setpoint(value: float) -> bytes:
    home = next(each for each in characteristics(THERMOSTAT) if "setpoint" in each.fields)
    frame = GattFrame(AttOpcode.WRITE_REQUEST, home.uuid, home.fields["setpoint"].pack(value))
    return frame.encode()


def voltage(value: float) -> bytes:
    return SetTemplate.of("SOURce:VOLTage {value}").message(value).encode() + b"\n"


def asked(device: Device, request: bytes) -> Asked:
    (found,) = dialect_of(device).requests(request)
    return found


@pytest.mark.parametrize(
    ("device", "request_", "name", "value"),
    [
        (CHAMBER, modbus("heater_duty", 37.5), "heater_duty", 37.5),
        (CHAMBER, modbus("setpoint", -12.3), "setpoint", -12.3),
        (CHAMBER, modbus("heater_enable", 1), "heater_enable", 1.0),
        (FAN, pwm(42.42), "pwm", 42.42),
        (VENT, opening(40), "opening", 40.0),
        (AIR, setpoint(22.5), "setpoint", 22.5),
        (PSU, voltage(3.3), "voltage", 3.3),
    ],
)
def test_a_command_is_read_back_as_it_was_given(
    device: Device, request_: bytes, name: str, value: float
) -> None:
    found = values_of(device)(asked(device, request_))
    assert found is not None
    assert found[0] == name
    assert found[1] == pytest.approx(value)


class Bytes(NamedTuple):
    content: bytes
    place: None = None
    tag: None = None
    size: int = 0


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
@given(content=st.binary(max_size=60))
def test_what_is_no_command_is_read_as_none_or_as_some_signal_of_the_device(
    device: Device, content: bytes
) -> None:
    found = values_of(device)(Bytes(content))
    assert found is None or found[0] in device.signals


def test_a_loop_may_be_off_by_a_share_of_the_range_and_anything_else_by_nothing() -> None:
    fits = live_rules(FAN, {"pwm"}).fits
    near, far = 40 + 99 * SHARE, 40 + 101 * SHARE  # the range is 0 to 100 %
    assert fits(asked(FAN, pwm(near)), [asked(FAN, pwm(40))], 0)
    assert not fits(asked(FAN, pwm(far)), [asked(FAN, pwm(40))], 0)
    assert not live_rules(FAN, ()).fits(asked(FAN, pwm(40.01)), [asked(FAN, pwm(40))], 0)


def test_a_loop_may_be_off_more_once_the_machine_has_held_it_up() -> None:
    fits = live_rules(FAN, {"pwm"}).fits
    far = asked(FAN, pwm(40 + 250 * SHARE))
    assert not fits(far, [asked(FAN, pwm(40))], 0)
    assert fits(far, [asked(FAN, pwm(40))], 200_000_000)


def test_a_command_of_a_loop_may_stand_between_those_around_it() -> None:
    fits = live_rules(FAN, {"pwm"}).fits
    assert fits(asked(FAN, pwm(50)), [asked(FAN, pwm(40)), asked(FAN, pwm(60))], 0)
    assert not fits(asked(FAN, pwm(70)), [asked(FAN, pwm(40)), asked(FAN, pwm(60))], 0)
