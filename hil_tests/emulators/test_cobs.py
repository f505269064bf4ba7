from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import emulate, eventually, make_device
from hil_tests.support.hand_clock import HandClock
from hil_tests.support.profiles import profile_of
from testbed.clock import SystemClock
from testbed.emulators import EmulatedDevice, Store
from testbed.emulators.cobs import CobsBoard
from testbed.links import open_serial
from testbed.protocols.cobs import BadFrame, Frame, FrameReader, Status, encode_frame
from testbed.protocols.crc import CATALOGUE

_CRC = CATALOGUE["crc16-ccitt-false"]

_BOARD = profile_of("""
profile: test/board
protocol: cobs
signals:
  speed: {telemetry: 0x01, offset: 0, type: float32, access: notify, rate: 10 Hz}
  current: {telemetry: 0x01, offset: 6, type: uint16, scale: 0.001, access: notify, rate: 10 Hz}
  heat: {telemetry: 0x02, type: int16, scale: 0.1, access: notify, rate: 2 Hz}
  pwm: {command: 0x10, type: uint16, scale: 0.1, access: write, limits: [0, 0.3], safe: 0}
  gain: {command: 0x11, type: float32, access: write, safe: 1}
""")


class Bench:
    """A board on a bench without a wire, and a clock in the hands of the test."""

    def __init__(self) -> None:
        device = make_device(_BOARD, "serial:///dev/ttyACM0")
        self.store = Store(device)
        self.clock = HandClock()
        self._reader = FrameReader(_CRC)
        self.said: list[Frame | BadFrame] = []
        self._board = CobsBoard(EmulatedDevice(device, self.store), self._write)
        self.tickers = self._board.start(self.clock)

    def _write(self, data: bytes) -> None:
        self.said += self._reader.feed(data)

    def command(self, frame: Frame) -> list[Frame | BadFrame]:
        """Return what the board answers at once."""
        self.said.clear()
        self.hear(encode_frame(frame, _CRC))
        return self.said

    def hear(self, data: bytes) -> None:
        self._board.received(0, data)

    def telemetry(self, kind: int) -> list[Frame]:
        return [frame for frame in self.said if isinstance(frame, Frame) and frame.kind == kind]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_telemetry_is_sent_at_its_own_rate_with_its_own_sequence(bench: Bench) -> None:
    bench.clock.move(30.0)
    fast, slow = bench.telemetry(0x01), bench.telemetry(0x02)
    assert (len(fast), len(slow)) == (300, 60)
    assert [frame.sequence for frame in fast] == [n & 255 for n in range(300)]
    assert [frame.sequence for frame in slow] == list(range(60))


def test_telemetry_holds_what_the_store_holds_little_endian_at_its_offsets(bench: Bench) -> None:
    bench.store.set("speed", 1500.0)
    bench.store.set("current", 0.25)
    bench.store.set("heat", -12.34)
    bench.clock.move(0.5)
    assert bench.telemetry(0x01)[-1].payload == struct.pack("<fxxH", 1500.0, 250)
    assert bench.telemetry(0x02)[-1].payload == struct.pack("<h", -123)


@pytest.mark.parametrize(("value", "raw"), [(1e9, 65535), (-1.0, 0), (math.nan, 0), (math.inf, 65535)])
def test_given_a_value_beyond_the_field_then_its_end_is_sent(bench: Bench, value: float, raw: int) -> None:
    bench.store.set("current", value)
    bench.clock.move(0.1)
    assert bench.telemetry(0x01)[-1].payload[6:] == struct.pack("<H", raw)


def test_a_cancelled_board_is_silent(bench: Bench) -> None:
    for ticker in bench.tickers:
        ticker.cancel()
    bench.clock.move(10.0)
    assert bench.said == []


def test_a_command_reaches_the_store_and_is_answered_with_its_sequence(bench: Bench) -> None:
    written: list[tuple[str, float]] = []
    bench.store.watch(lambda name, value: written.append((name, value)))
    assert bench.command(Frame(0x10, 77, struct.pack("<H", 2))) == [Frame(0x90, 77, b"\x00")]
    assert written == [("pwm", 0.2)]


@pytest.mark.parametrize(
    ("kind", "payload", "status"),
    [
        (0x12, b"\0\0", Status.UNKNOWN),
        (0x7F, b"", Status.UNKNOWN),
        (0x10, b"\0", Status.BAD_LENGTH),
        (0x10, b"\0\0\0", Status.BAD_LENGTH),
        (0x10, struct.pack("<H", 4), Status.OUT_OF_RANGE),
        (0x10, struct.pack("<H", 65535), Status.OUT_OF_RANGE),
        (0x11, struct.pack("<f", math.nan), Status.OUT_OF_RANGE),
    ],
)
def test_given_a_wrong_command_then_it_is_refused_and_nothing_is_set(
    bench: Bench, kind: int, payload: bytes, status: Status
) -> None:
    written: list[str] = []
    bench.store.watch(lambda name, value: written.append(name))
    assert bench.command(Frame(kind, 5, payload)) == [Frame(kind | 0x80, 5, bytes((status,)))]
    assert written == []


def test_given_the_raw_number_of_a_limit_then_it_is_within(bench: Bench) -> None:
    # 3 x 0.1 is 0.30000000000000004.
    assert bench.command(Frame(0x10, 1, struct.pack("<H", 3))) == [Frame(0x90, 1, b"\x00")]


def test_given_a_damaged_command_or_telemetry_from_the_controller_then_it_says_nothing(bench: Bench) -> None:
    damaged = bytearray(encode_frame(Frame(0x10, 1, b"\1\1"), _CRC))
    damaged[2] ^= 1
    bench.hear(bytes(damaged))
    assert bench.command(Frame(0x01, 0, b"\1")) == []
    assert bench.command(Frame(0x90, 0, b"\0")) == []


@given(st.binary(max_size=600))
def test_whatever_is_said_it_lives_and_obeys_the_next_command(noise: bytes) -> None:
    bench = Bench()
    bench.hear(noise + b"\0")
    assert bench.command(Frame(0x10, 9, b"\1\0")) == [Frame(0x90, 9, b"\0")]


async def test_given_nobody_reads_for_long_then_who_opens_the_port_hears_only_what_is_new() -> None:
    clock = SystemClock()
    async with emulate(make_device("cobs/fan-driver", "serial:///dev/ttyACM0")) as emulated:
        port = emulated.plugs["dut"]
        frame = encode_frame(Frame(0x0F, 0, bytes(200)), _CRC)
        for _ in range(10_000):  # 2 MB that nobody wants
            port.write(frame)  # type: ignore[attr-defined]  # a PtyEnd
        reader, heard = FrameReader(_CRC), list[Frame | BadFrame]()
        link = open_serial(
            emulated["dut"].device.wire.path,
            clock,
            received=lambda t, data: heard.extend(reader.feed(data)),
            lost=lambda reason: None,
        )
        await eventually(lambda: len(heard) >= 5, "telemetry")
        assert 0x0F not in {frame.kind for frame in heard if isinstance(frame, Frame)}
        link.close()
    clock.close()
