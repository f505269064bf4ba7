"""Offline decoders: nothing that a recording may hold upsets them; what the bytes do not tell is doubted."""

from __future__ import annotations

import math
import struct
import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.support import make_device
from hil_tests.support.lorawan import DEVICE, WIRE
from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers import driver_class
from testbed.drivers.decoder import Decoder
from testbed.links import Direction
from testbed.links.gatt_frames import AttOpcode, GattFrame
from testbed.links.messages import encode_message
from testbed.protocols.cobs import Frame, encode_frame
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.modbus import rtu, tcp
from testbed.signals import Quality, Sample

RX, TX, OPEN, LOST = Direction
_CRC = CATALOGUE["crc16-ccitt-false"]
MILLISECOND = NS // 1000

DEVICES = {
    "modbus-tcp": make_device("modbus/thermal-chamber", "modbus+tcp://127.0.0.1:502?unit=1&timeout=0.5"),
    "modbus-rtu": make_device("modbus/thermal-chamber", "modbus+rtu:///dev/ttyUSB1?unit=1&timeout=0.5"),
    "scpi": make_device("scpi/thermometer", "serial:///dev/ttyUSB0"),
    "cobs": make_device("cobs/fan-driver", "serial:///dev/ttyACM0"),
    "ble": make_device("ble/environmental-sensing", "ble://C0:FF:EE:00:00:01"),
    "lorawan": make_device("lorawan/vent-valve", WIRE),
}
READ_INPUTS = bytes.fromhex("04 0000 0002")  # the chamber's temperature
TEMPERATURE, HUMIDITY = "00002a6e-0000-1000-8000-00805f9b34fb", "00002a6f-0000-1000-8000-00805f9b34fb"
BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"


@dataclass
class Decoded:
    """What a decoder made of frames, one second apart unless told otherwise."""

    device: Device
    sure: list[Sample] = field(default_factory=list)
    doubted: list[Sample] = field(default_factory=list)
    time_ns: int = NS

    def __post_init__(self) -> None:
        driver = driver_class(self.device.profile.protocol)
        decoder = driver.decoder(self.device, self.sure.append, self.doubted.append)
        assert isinstance(decoder, Decoder)
        self.decoder = decoder

    def feed(self, *frames: tuple[Direction, bytes], apart_ns: int = MILLISECOND) -> Decoded:
        for direction, data in frames:
            self.time_ns += apart_ns
            self.decoder.frame(self.time_ns, direction, data)
        return self

    def values(self, signal: str) -> list[float]:
        number = self.device.signals[signal].id
        return [sample.value for sample in self.sure if sample.signal == number]


def decoded(kind: str) -> Decoded:
    return Decoded(DEVICES[kind])


# Whatever a recording holds -----------------------------------------------------------------------


def framed(kind: str, payload: bytes, number: int) -> bytes:
    """Return a sound frame of a protocol around any payload."""
    match kind:
        case "modbus-tcp":
            return tcp.encode_frame(number, number % 3, payload or b"\x04")
        case "modbus-rtu":
            return rtu.encode_frame(number % 3, payload)
        case "scpi":
            return payload + b"\n"
        case "cobs":
            return encode_frame(Frame(number % 256, number % 256, payload[:250]), _CRC)
        case "ble":
            where = (TEMPERATURE, HUMIDITY, BATTERY)[number % 3]
            return bytes([list(AttOpcode)[number % 7]]) + uuid.UUID(where).bytes + payload
        case _:
            return encode_message(DEVICE.event(("up", "ack", "log", "join")[number % 4]), payload)


PROMISING = st.sampled_from(
    [
        READ_INPUTS,
        bytes.fromhex("04 04 41200000"),
        bytes.fromhex("84 02"),
        b"*IDN?",
        b"MEAS:TEMP?",
        b"HIL-TESTBED,TH-100,1,1",
        b"+2.15E+01",
        struct.pack("<fH", 1500.0, 3),
        b'{"deviceInfo":{"devEui":"70b3d57ed0000001"},"fPort":2,"fCnt":3,"data":"VbQ="}',
        b"[" * 2000,
    ]
)
PAYLOADS = st.one_of(PROMISING, st.binary(max_size=60))


@st.composite
def passed(draw: st.DrawFn, kind: str) -> list[tuple[int, Direction, bytes]]:
    """Draw frames and marks in time order: sound ones, damaged ones, noise, cut anywhere."""
    frames = []
    time_ns = NS
    for number in draw(st.lists(st.integers(0, 300), max_size=12)):
        data = framed(kind, draw(PAYLOADS), number) if draw(st.booleans()) else draw(st.binary(max_size=80))
        if draw(st.booleans()) and data:
            at = draw(st.integers(0, len(data) - 1))
            data = draw(st.sampled_from([data[:at], data[at:], data + data]))
        time_ns += draw(st.sampled_from([0, 1, MILLISECOND, NS]))
        frames.append((time_ns, draw(st.sampled_from([RX, RX, RX, TX, TX, OPEN, LOST])), data))
    return frames


@pytest.mark.parametrize("kind", DEVICES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_sequence_of_frames_and_marks_upsets_a_decoder(kind: str, data: st.DataObject) -> None:
    result = decoded(kind)
    numbers = {signal.id for signal in result.device.signals.values()}
    for time_ns, direction, frame in data.draw(passed(kind)):
        before = len(result.sure) + len(result.doubted)
        result.decoder.frame(time_ns, direction, frame)
        new = [*result.sure, *result.doubted]
        if direction is not RX:
            assert len(new) == before, "only what comes from the device says anything"
    for sample in (*result.sure, *result.doubted):
        assert sample.signal in numbers
        assert math.isfinite(sample.value) == (sample.quality is Quality.GOOD)
        assert bool(sample.reason) == (sample.quality is Quality.BAD)


# Modbus -------------------------------------------------------------------------------------------


def asked(number: int, pdu: bytes = READ_INPUTS) -> tuple[Direction, bytes]:
    return TX, tcp.encode_frame(number, 1, pdu)


def answered(number: int, value: float, unit: int = 1) -> tuple[Direction, bytes]:
    return RX, tcp.encode_frame(number, unit, b"\x04\x04" + struct.pack(">f", value))


def test_on_tcp_the_first_answer_of_a_connection_is_a_greeting_and_no_reading() -> None:
    result = decoded("modbus-tcp").feed((OPEN, b""), asked(1), answered(1, 5.0), asked(2), answered(2, 6.0))
    assert (result.values("temperature"), result.doubted) == ([6.0], [])
    result.feed((LOST, b"gone"), (OPEN, b""), asked(1), answered(1, 7.0), asked(2), answered(2, 8.0))
    assert (result.values("temperature"), result.doubted) == ([6.0, 8.0], [])


def test_on_tcp_answers_find_their_questions_in_any_order_and_cut_anywhere() -> None:
    result = decoded("modbus-tcp").feed((OPEN, b""), asked(1), answered(1, 0.0), asked(2), asked(3))
    stream = answered(3, 3.0)[1] + answered(2, 2.0)[1]
    result.feed(*((RX, stream[at : at + 5]) for at in range(0, len(stream), 5)))
    assert result.values("temperature") == [3.0, 2.0]


def test_an_answer_after_half_of_the_patience_may_have_been_given_up() -> None:
    result = decoded("modbus-tcp").feed((OPEN, b""), asked(1), answered(1, 0.0), asked(2))
    result.feed(answered(2, 2.0), apart_ns=300 * MILLISECOND)
    assert result.sure == []
    assert [sample.value for sample in result.doubted] == [2.0]


def test_on_tcp_behind_what_is_no_modbus_nothing_is_read_until_the_next_connection() -> None:
    result = decoded("modbus-tcp").feed((OPEN, b""), asked(1), answered(1, 0.0), asked(2))
    result.feed((RX, b"HTTP/1.1 400"), answered(2, 2.0))
    assert result.sure == []
    result.feed((OPEN, b""), asked(1), answered(1, 0.0), asked(2), answered(2, 4.0))
    assert result.values("temperature") == [4.0]


def test_the_unit_is_that_of_the_question() -> None:
    """Which unit a wire means may be in the environment, of which a recording knows nothing."""
    result = decoded("modbus-tcp").feed((OPEN, b""), asked(1), answered(1, 0.0))
    result.feed((TX, tcp.encode_frame(2, 7, READ_INPUTS)), answered(2, 2.0, unit=7))
    assert result.values("temperature") == [2.0]
    result.feed(asked(3), answered(3, 2.0, unit=9))
    assert result.sure[-1].reason == (
        "reading input 0 to 1: malformed response: from unit 9, expected unit 1"
    )


def on_line(pdu: bytes) -> bytes:
    return rtu.encode_frame(1, pdu)


def reading(value: float) -> tuple[Direction, bytes]:
    return RX, on_line(b"\x04\x04" + struct.pack(">f", value))


def test_on_a_line_greetings_go_on_until_nothing_follows_their_answer() -> None:
    ask = (TX, on_line(READ_INPUTS))
    result = decoded("modbus-rtu").feed((OPEN, b""), ask, reading(1.0), reading(2.0))
    result.feed(ask, reading(3.0))  # a greeting again: something came after the answer
    result.feed(ask, reading(4.0), ask, reading(5.0))
    assert (result.values("temperature"), result.doubted) == ([4.0, 5.0], [])


def test_on_a_line_an_answer_counts_once_and_only_behind_its_own_question() -> None:
    ask = (TX, on_line(READ_INPUTS))
    result = decoded("modbus-rtu").feed((OPEN, b""), ask, reading(0.0))
    result.feed(ask, reading(1.0), reading(9.0))
    result.feed((TX, on_line(bytes.fromhex("06 0000 0001"))), reading(8.0))
    damaged = bytearray(ask[1])
    damaged[2] ^= 1
    result.feed((TX, bytes(damaged)), reading(7.0))
    assert result.values("temperature") == [1.0]


# The others ---------------------------------------------------------------------------------------


def test_an_instruments_answer_belongs_to_the_question_before_it() -> None:
    result = decoded("scpi").feed((OPEN, b""), (TX, b"*IDN?\n"), (RX, b"1.5\nACME,TH,1,1\n"), (TX, b"*CLS\n"))
    result.feed((TX, b"MEAS:TEMP?\n"), (RX, b"+2.1"), (RX, b"5E+01\r\n99\n"))
    result.feed((TX, b"SYST:ERR?\n"), (RX, b"77\n"), (TX, b"*IDN?\n"), (RX, b"88\nACME,TH,1,1\n"))
    assert (result.values("temperature"), result.doubted) == ([21.5], [])
    result.feed((TX, b"MEAS:TEMP?\n")).feed((RX, b"22\n"), apart_ns=NS)
    assert [sample.value for sample in result.doubted] == [22.0]


def test_telemetry_before_the_first_whole_frame_is_no_damage() -> None:
    def telemetry(sequence: int) -> bytes:
        return encode_frame(Frame(0x01, sequence, struct.pack("<fH", 1500.0 + sequence, 1)), _CRC)

    result = decoded("cobs").feed((OPEN, b""), (RX, telemetry(0)[4:] + telemetry(1)), (TX, telemetry(2)))
    assert result.values("speed") == [1501.0]
    result.feed((OPEN, b""), (RX, telemetry(3)[4:] + telemetry(4)), (RX, telemetry(5)[3:]))
    assert [sample.quality for sample in result.sure[2:]] == [Quality.GOOD] * 2 + [Quality.BAD] * 2


def gatt(opcode: AttOpcode, where: str, value: bytes = b"") -> tuple[Direction, bytes]:
    requests = (AttOpcode.READ_REQUEST, AttOpcode.WRITE_REQUEST, AttOpcode.WRITE_COMMAND)
    return TX if opcode in requests else RX, GattFrame(opcode, where, value).encode()


def test_what_a_bluetooth_device_says_before_it_is_surely_online_is_doubted() -> None:
    notified = gatt(AttOpcode.NOTIFICATION, TEMPERATURE, struct.pack("<h", 2150))
    result = decoded("ble").feed((OPEN, b""), notified)
    assert (result.sure, [sample.value for sample in result.doubted]) == ([], [21.5])
    result.feed(notified, apart_ns=12 * NS)
    assert result.values("temperature") == [21.5]
    result.feed((LOST, b"gone"), (OPEN, b""), notified, apart_ns=NS)
    assert (len(result.sure), len(result.doubted)) == (1, 2)


def test_a_refused_read_is_told_from_a_refused_write() -> None:
    result = decoded("ble").feed((OPEN, b"")).feed((LOST, b""), apart_ns=20 * NS)
    refused = gatt(AttOpcode.ERROR_RESPONSE, BATTERY, b"\x0e")
    result.feed(gatt(AttOpcode.WRITE_REQUEST, BATTERY, b"\x01"), refused)
    assert result.sure == []
    result.feed(gatt(AttOpcode.READ_REQUEST, BATTERY), refused, refused)
    assert [sample.reason for sample in result.sure] == [
        "the device answered: Unlikely Error (ATT error 0x0E)"
    ]


def test_an_uplink_that_comes_twice_counts_once_across_connections() -> None:
    def uplink(f_cnt: int) -> tuple[Direction, bytes]:
        device = f'"deviceInfo":{{"devEui":"{DEVICE.dev_eui}"}}'
        text = f'{{{device},"fPort":2,"fCnt":{f_cnt},"data":"VbQ="}}'
        return RX, encode_message(DEVICE.event("up"), text.encode())

    result = decoded("lorawan").feed((OPEN, b""), uplink(1), uplink(1), (LOST, b""), (OPEN, b""), uplink(1))
    assert result.values("position") == [42.5]
    assert result.feed(uplink(2)).values("position") == [42.5, 42.5]
