"""What bytes say: every protocol names them by the profile, says what is damaged, and never raises."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hil_tests.support.profiles import profile_of
from testbed.bench.profile import SHIPPED, Profile, load_profile
from testbed.protocols.cobs import Frame, encode_frame
from testbed.protocols.cobs.describe import CobsDescriber
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.gatt import uuid128
from testbed.protocols.gatt.describe import GattDescriber
from testbed.protocols.lorawan.chirpstack import Downlink, print_downlink
from testbed.protocols.lorawan.describe import LorawanDescriber
from testbed.protocols.meaning import Meaning
from testbed.protocols.modbus import rtu, tcp
from testbed.protocols.modbus.describe import RtuDescriber, TcpDescriber
from testbed.protocols.modbus.pdu import (
    Function,
    exception_response,
    mask_write,
    read,
    read_response,
    write_and_read,
    write_registers,
)
from testbed.protocols.scpi.describe import ScpiDescriber

CRC = CATALOGUE["crc16-ccitt-false"]
TOPIC = "application/1/device/70b3d57ed0000001"
SUPPLY = """
profile: supply
protocol: scpi
signals:
  current: {query: "MEAS:CURR?", unit: A}
  voltage: {set: "SOUR:VOLT CH1,{value:.3f}", unit: V, access: write, safe: 0}
"""


def shipped(name: str) -> Profile:
    return load_profile(SHIPPED / f"{name}.yaml")


def texts(meanings: list[Meaning]) -> list[str]:
    return [meaning.text for meaning in meanings]


def only(meanings: list[Meaning]) -> Meaning:
    (meaning,) = meanings
    return meaning


# Modbus ---------------------------------------------------------------------------------------------


def temperature_read(transaction: int) -> bytes:
    return tcp.encode_frame(transaction, 1, read(Function.READ_INPUT_REGISTERS, 0, 2).pdu)


def temperature_response(transaction: int) -> bytes:
    return tcp.encode_frame(transaction, 1, read_response(4, bytes.fromhex("42 70 80 00")))


def test_a_modbus_response_is_named_by_the_request_with_its_transaction():
    wire = TcpDescriber(shipped("modbus/thermal-chamber"))
    asked = only(wire.describe(True, temperature_read(17)))
    assert asked.text == "read input registers 0..1 (temperature), unit 1, transaction 17"
    assert asked.fields == {"transaction": 17, "unit": 1, "function": 4}
    wire.describe(True, tcp.encode_frame(18, 1, read(Function.READ_DISCRETE_INPUTS, 0, 1).pdu))
    door = only(wire.describe(False, tcp.encode_frame(18, 1, read_response(2, b"\1"))))
    assert door.text == "door_open 1 from discrete input 0, unit 1, transaction 18"
    came = only(wire.describe(False, temperature_response(17)))
    assert came.text == "temperature 60.125 degC from input registers 0..1, unit 1, transaction 17"
    assert came.values == {"temperature": 60.125}


def test_a_modbus_write_names_the_signal_and_its_value():
    wire = TcpDescriber(shipped("modbus/thermal-chamber"))
    pdu = write_registers(0, bytes.fromhex("42 20 00 00")).pdu
    told = only(wire.describe(True, tcp.encode_frame(5, 1, pdu)))
    assert told.text == "write heater_duty 40 % to holding registers 0..1, unit 1, transaction 5"
    done = only(wire.describe(False, tcp.encode_frame(5, 1, pdu[:5])))
    assert done.text == "holding registers 0..1 written (heater_duty), unit 1, transaction 5"


def test_modbus_bits_and_what_is_read_back_are_named(tmp_path):
    file = tmp_path / "pump.yaml"
    file.write_text(
        "profile: pump\nprotocol: modbus\nsignals:\n"
        "  run: {holding: 0, bits: 0, access: write, safe: 0}\n"
        "  speed: {holding: 0, bits: [4, 7], access: write, safe: 0}\n"
        "  power: {holding: 1, type: int16, unit: W, access: write, safe: 0, confirm: true}\n"
    )
    wire = RtuDescriber(load_profile(file))
    masked = rtu.encode_frame(1, mask_write(0, 0xFF0F, 0x0050).pdu)
    assert only(wire.describe(True, masked)).text == "write speed 5 to holding register 0, unit 1"
    assert only(wire.describe(False, masked)).text == "holding register 0 written (speed), unit 1"
    asked = rtu.encode_frame(1, write_and_read(1, b"\0\7").pdu)
    assert only(wire.describe(True, asked)).text == "write power 7 W to holding register 1, read back, unit 1"
    held = rtu.encode_frame(1, read_response(23, b"\0\6"))
    assert only(wire.describe(False, held)).text == "power 6 W held by holding register 1, unit 1"


def test_a_modbus_refusal_says_why():
    wire = TcpDescriber()
    wire.describe(True, temperature_read(1))
    refused = only(wire.describe(False, tcp.encode_frame(1, 1, exception_response(4, 2))))
    assert refused.text.startswith("read input registers refused: illegal data address (exception 2)")
    assert refused.fields["exception"] == 2


def test_a_frame_that_came_in_two_pieces_begins_before_the_second():
    wire = TcpDescriber(shipped("modbus/thermal-chamber"))
    wire.describe(True, temperature_read(1))
    frame = temperature_response(1)
    first = only(wire.describe(False, frame[:9]))
    assert first == Meaning(0, 9, "9 bytes of a frame of 13 bytes that is not complete yet")
    rest = only(wire.describe(False, frame[9:]))
    assert (rest.start, rest.end) == (-9, 4)
    assert rest.values == {"temperature": 60.125}


def test_a_response_whose_request_is_not_in_sight_is_not_guessed():
    told = only(TcpDescriber(shipped("modbus/thermal-chamber")).describe(False, temperature_response(1)))
    assert "whose request is not in sight" in told.text
    assert not told.values


def test_on_a_serial_line_a_response_answers_the_request_before_it():
    wire = RtuDescriber(shipped("modbus/thermal-chamber"))
    asked = only(wire.describe(True, rtu.encode_frame(1, read(Function.READ_INPUT_REGISTERS, 0, 2).pdu)))
    assert asked.text == "read input registers 0..1 (temperature), unit 1"
    frame = rtu.encode_frame(1, read_response(4, bytes.fromhex("42 70 80 00")))
    assert texts(wire.describe(False, frame[:4])) == ["4 bytes of a frame that is not complete yet"]
    came = only(wire.describe(False, frame[4:]))
    assert (came.start, came.end) == (-4, 5)
    assert came.text == "temperature 60.125 degC from input registers 0..1, unit 1"


def test_noise_before_a_serial_frame_is_told_apart_from_it():
    wire = RtuDescriber(shipped("modbus/thermal-chamber"))
    wire.describe(True, rtu.encode_frame(1, read(Function.READ_INPUT_REGISTERS, 0, 2).pdu))
    frame = rtu.encode_frame(1, read_response(4, bytes.fromhex("42 70 80 00")))
    noise, came = wire.describe(False, b"\xff\x00" + frame)
    assert noise.text == "not understood: no frame with a right checksum: ff 00"
    assert (came.start, came.values) == (2, {"temperature": 60.125})


# SCPI -----------------------------------------------------------------------------------------------


def test_an_instrument_answers_the_question_that_is_open():
    wire = ScpiDescriber(profile_of(SUPPLY))
    assert texts(wire.describe(True, b"MEAS:CURR?\n")) == ["MEAS:CURR? asks for current"]
    came = only(wire.describe(False, b"+2.5E-01\r\n"))
    assert came.text == "current 0.25 A, answers MEAS:CURR?"
    assert came.values == {"current": 0.25}
    assert texts(wire.describe(False, b"1\n")) == ["'1', which answers no question"]


def test_a_setting_is_named_with_the_value_that_it_sets():
    wire = ScpiDescriber(profile_of(SUPPLY))
    asked = wire.describe(True, b"*CLS\nSOUR:VOLT CH1,12.500\nSYST:ERR?\n")
    assert texts(asked) == [
        "*CLS clears the error queue",
        "'SOUR:VOLT CH1,12.500' sets voltage 12.5 V",
        "SYST:ERR? asks for the oldest error",
    ]
    assert asked[1].values == {"voltage": 12.5}
    assert texts(wire.describe(False, b'0,"No error"\n')) == ["0 No error, answers SYST:ERR?"]


def test_an_answer_that_is_no_number_is_shown_as_it_came():
    wire = ScpiDescriber(profile_of(SUPPLY))
    wire.describe(True, b"MEAS:CURR?\n")
    assert texts(wire.describe(False, b"\xff?\n")) == [
        r"not understood: '\\xff?' is no number, answers MEAS:CURR?"
    ]


# COBS -----------------------------------------------------------------------------------------------


def test_telemetry_commands_and_answers_of_a_fan_are_named():
    wire = CobsDescriber(shipped("cobs/fan-driver"))
    telemetry = encode_frame(Frame(1, 12, bytes.fromhex("00 70 BB 44 9A 01")), CRC)
    told = only(wire.describe(False, telemetry))
    assert told.text == "telemetry 0x01 seq 12: speed 1499.5 rpm, current 0.41 A"
    command = encode_frame(Frame(0x10, 7, (4250).to_bytes(2, "little")), CRC)
    assert texts(wire.describe(True, command)) == ["command 0x10 seq 7: set pwm 42.5 %"]
    answer = encode_frame(Frame(0x90, 7, b"\2"), CRC)
    assert texts(wire.describe(False, answer)) == ["answer to command 0x10 seq 7 (pwm): out of range"]


def test_a_flipped_bit_is_a_wrong_checksum():
    frame = bytearray(encode_frame(Frame(1, 12, bytes.fromhex("00 70 BB 44 9A 01")), CRC))
    frame[4] ^= 4
    told = only(CobsDescriber(shipped("cobs/fan-driver")).describe(False, bytes(frame)))
    assert told.text.startswith("not understood: CRC mismatch: received 0x")
    assert told.text.endswith(bytes(frame).hex(" "))


# Bluetooth and LoRaWAN ------------------------------------------------------------------------------


def test_a_characteristic_is_named_by_its_signals():
    device = GattDescriber(shipped("ble/environmental-sensing"))
    told = device.describe("notification", uuid128(0x2A6E), (2212).to_bytes(2, "little"))
    assert told.text == "notification of 0x2A6E: temperature 22.12 degC"
    assert told.values == {"temperature": 22.12}
    unknown = device.describe("notification", uuid128(0x2A6E), b"\x00\x80")
    assert unknown.text == "notification of 0x2A6E: temperature not known"
    short = device.describe("read response", uuid128(0x2A6E), b"\1")
    assert short.text.startswith("not understood: read response of 0x2A6E (temperature): ")
    assert device.describe("error response", uuid128(0x2A6E), b"\5").text.endswith("ATT error 0x05")


def test_a_downlink_is_named_by_its_signal():
    server = LorawanDescriber(shipped("lorawan/vent-valve"))
    downlink = print_downlink(Downlink("70b3d57ed0000001", 10, b"\x15", True, "e6f7"))
    told = server.describe(True, f"{TOPIC}/command/down", downlink)
    assert told.text == "confirmed downlink on fPort 10: set opening 10.5 %, id e6f7"
    assert told.values == {"opening": 10.5}
    ack = b'{"deviceInfo":{"devEui":"70b3d57ed0000001"},"queueItemId":"e6f7","acknowledged":true}'
    done = server.describe(False, f"{TOPIC}/event/ack", ack)
    assert done.text == "the device acknowledged the downlink e6f7"
    assert done.fields["id"] == told.fields["id"]


# Whatever comes -------------------------------------------------------------------------------------

STREAMS: dict[str, Callable[[], Any]] = {
    "modbus+tcp": lambda: TcpDescriber(shipped("modbus/thermal-chamber")),
    "modbus+rtu": lambda: RtuDescriber(shipped("modbus/thermal-chamber")),
    "scpi": lambda: ScpiDescriber(profile_of(SUPPLY)),
    "cobs": lambda: CobsDescriber(shipped("cobs/fan-driver")),
}

_REQUESTS = st.builds(
    lambda function, rest: rtu.encode_frame(1, bytes((function,)) + rest),
    st.integers(1, 255),
    st.binary(max_size=12),
)
_TCP = st.builds(
    lambda number, function, rest: tcp.encode_frame(number, 1, bytes((function,)) + rest),
    st.integers(0, 3),
    st.integers(1, 255),
    st.binary(max_size=12),
)
_COBS = st.builds(
    lambda kind, payload: encode_frame(Frame(kind, 0, payload), CRC),
    st.integers(0, 255),
    st.binary(max_size=8),
)
_LINES = st.text(max_size=20).map(lambda text: f"{text}\n".encode())
PIECES = st.lists(
    st.tuples(st.booleans(), st.one_of(st.binary(max_size=300), _REQUESTS, _TCP, _COBS, _LINES)), max_size=8
)


@pytest.mark.parametrize("wire", STREAMS)
@settings(deadline=None)
@given(pieces=PIECES)
def test_a_stream_is_described_whole_whatever_bytes_come(wire: str, pieces: list[tuple[bool, bytes]]):
    describer = STREAMS[wire]()
    for to_device, data in pieces:
        meanings = describer.describe(to_device, data)
        for before, after in itertools.pairwise(meanings):
            assert before.end <= after.start
        for meaning in meanings:
            assert meaning.start < meaning.end <= len(data)
            assert meaning.text
        if data.strip(b"\0"):
            assert meanings


@settings(deadline=None)
@given(st.sampled_from(["read response", "notification", "error response", "write request"]), st.binary())
@example("read response", b"")
def test_any_value_of_a_characteristic_has_a_meaning(operation: str, value: bytes):
    for profile in (None, shipped("ble/environmental-sensing")):
        assert GattDescriber(profile).describe(operation, uuid128(0x2A6E), value).text


@settings(deadline=None)
@given(
    st.booleans(),
    st.sampled_from(
        [f"{TOPIC}/{end}" for end in ("event/up", "event/ack", "event/log", "command/down", "x")]
    ),
    st.one_of(st.binary(), st.sampled_from([b"{}", b"[]", b'{"devEui":"70b3d57ed0000001","fPort":10}'])),
)
def test_any_message_has_a_meaning(to_device: bool, topic: str, payload: bytes):
    told = LorawanDescriber(shipped("lorawan/vent-valve")).describe(to_device, topic, payload)
    assert told.text
    assert all(math.isfinite(value) for value in told.values.values())
