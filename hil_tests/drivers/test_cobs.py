"""The contract, and what is the frames' own: damage, gaps, silence, acknowledgement."""

from __future__ import annotations

import struct

import pytest

from hil_tests.support import DriverLog, emulate, eventually, make_device, run_driver
from hil_tests.support.far_end import far_end
from hil_tests.support.profiles import profile_of
from testbed.bench.device import Device
from testbed.bench.profile import Profile
from testbed.clock import NS
from testbed.drivers import LinkState
from testbed.drivers.cobs import CobsDriver
from testbed.links import PtyEnd
from testbed.protocols.cobs import ANSWER, Frame, FrameReader, encode_frame
from testbed.protocols.crc import CATALOGUE
from testbed.signals import Outcome, Priority, Quality
from testbed.testing.contract import CommandContract

_CRC = CATALOGUE["crc16-ccitt-false"]
_WIRE = "serial:///dev/ttyACM0?baud=115200"

# Slow enough that a test, and no timer, decides when a frame comes.
_BOARD = profile_of("""
profile: test/board
protocol: cobs
signals:
  speed: {telemetry: 0x01, offset: 0, type: float32, unit: rpm, access: notify, rate: 1 Hz}
  current: {telemetry: 0x01, offset: 4, type: uint16, scale: 0.001, unit: A, access: notify, rate: 1 Hz}
  pwm: {command: 0x10, type: uint16, scale: 0.01, unit: "%", access: write, limits: [0, 100], safe: 0}
""")


class TestFanDriver(CommandContract):
    profile = "cobs/fan-driver"
    wire = _WIRE
    readable, value = "speed", 1500.0
    writable, wanted = "pwm", 42.25
    absent = "serial:///nowhere/ttyACM0?baud=115200"


def at(port: PtyEnd, profile: Profile = _BOARD) -> Device:
    return make_device(profile, f"serial://{port.path}")


def telemetry(sequence: int, speed: float = 1500.0, milliamperes: int = 250) -> bytes:
    return encode_frame(Frame(0x01, sequence, struct.pack("<fH", speed, milliamperes)), _CRC)


class Board:
    """A board in the hands of the test: it keeps what it hears and says what it is told to."""

    def __init__(self) -> None:
        self.heard: list[Frame] = []
        self._reader = FrameReader(_CRC)

    def received(self, port: PtyEnd, data: bytes) -> None:
        self.heard += [frame for frame in self._reader.feed(data) if isinstance(frame, Frame)]


async def online(log: DriverLog, port: PtyEnd) -> CobsDriver:
    """Let the board speak until the driver is online with the telemetry that has sequence 0."""
    driver = log.driver
    assert isinstance(driver, CobsDriver)
    # The port is opened within the driver's first turns; what is sent before would be flushed.
    await eventually(lambda: driver._link is not None, "the port open")
    port.write(telemetry(0))
    await eventually(lambda: driver.state is LinkState.ONLINE, "online")
    return driver


# Telemetry --------------------------------------------------------------------------------------


async def test_a_telemetry_frame_gives_a_sample_of_each_of_its_fields_as_of_its_arrival() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            assert [sample.value for sample in log.samples] == [1500.0, 0.25]
            assert log.samples[0].time_ns == log.samples[1].time_ns == log.frames[-1][0]


async def test_given_several_frames_in_one_read_then_the_times_of_their_samples_still_rise() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            port.write(b"".join(telemetry(n) for n in range(1, 51)))
            await eventually(lambda: len(log.good("speed")) == 51, "51 samples")
            times = [sample.time_ns for sample in log.good("speed")]
            assert times == sorted(set(times))


async def test_given_a_damaged_frame_then_its_signals_turn_bad_with_the_damage_until_the_next() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            driver = await online(log, port)
            damaged = bytearray(telemetry(1))
            damaged[5] ^= 0x40
            port.write(bytes(damaged) + telemetry(2))
            await eventually(lambda: len(log.good("speed")) == 2, "the frame behind the damaged one")
            for signal in ("speed", "current"):
                good, bad, good_again = log.of(signal)
                assert [s.quality for s in (good, bad, good_again)] == [
                    Quality.GOOD,
                    Quality.BAD,
                    Quality.GOOD,
                ]
                assert bad.reason.startswith("CRC mismatch: received 0x")
                assert good.time_ns < bad.time_ns < good_again.time_ns
            assert (driver.bad_frames, driver.lost_frames) == (1, 1)
            assert driver.state is LinkState.ONLINE


async def test_given_the_end_of_a_frame_when_it_connects_then_that_is_no_damage() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            driver = log.driver
            assert isinstance(driver, CobsDriver)
            await eventually(lambda: driver._link is not None, "the port open")
            port.write(telemetry(7)[5:] + telemetry(8))
            await eventually(lambda: log.good("speed"), "a sample")
            assert not log.of("speed", Quality.BAD)


async def test_given_too_short_a_payload_then_the_sample_is_bad_and_says_both_lengths() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            port.write(encode_frame(Frame(0x01, 1, b"1234"), _CRC))
            await eventually(lambda: log.of("current", Quality.BAD), "a bad sample")
            assert log.of("current")[-1].reason == "telemetry 0x01 has 4 bytes, expected 6"


async def test_given_newer_firmware_with_more_fields_then_the_known_ones_are_read() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            payload = struct.pack("<fHd", 1501.0, 1, 2.5)
            port.write(encode_frame(Frame(0x02, 0, b""), _CRC) + encode_frame(Frame(0x01, 1, payload), _CRC))
            await eventually(lambda: len(log.good("speed")) == 2, "the known field")
            assert log.good("speed")[-1].value == 1501.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_given_no_finite_number_then_that_signal_alone_is_bad(value: float) -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            port.write(telemetry(1, speed=value))
            await eventually(lambda: len(log.good("current")) == 2, "the other field")
            assert log.of("speed")[-1].reason == f"the device sent {value}"


async def test_given_gaps_in_the_sequence_then_they_are_counted_and_told_at_most_once_a_second() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            driver = await online(log, port)
            for sequence in (1, 3, 6, 10):  # between them 1, 2 and 3 frames are missing
                port.write(telemetry(sequence))
            await eventually(lambda: driver.lost_frames == 6, "six lost frames")
            await eventually(lambda: log.kinds().count("frames-lost") == 2, "the second telling")
            told = [event for event in log.events if event.kind == "frames-lost"]
            assert told[0].text.startswith("1 telemetry frame is missing")
            assert told[1].text.startswith("5 telemetry frames are missing")
            assert told[1].time_ns - told[0].time_ns >= NS


async def test_the_sequence_goes_round_without_a_gap() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            driver = await online(log, port)
            for first in range(1, 512, 64):
                port.write(b"".join(telemetry(n & 255) for n in range(first, first + 64)))
                await eventually(lambda n=first: len(log.good("speed")) == n + 64, "64 frames more")
            assert driver.lost_frames == 0


# Silence ----------------------------------------------------------------------------------------


async def test_given_silence_then_the_device_is_offline_with_that_reason() -> None:
    with far_end(Board().received) as port:
        async with run_driver(at(port, _fast("")), wait_online=False) as log:
            await online(log, port)
            await eventually(lambda: "offline" in log.kinds(), "the silence noticed")
            assert "no telemetry 0x01 for 1 s" in log.events[-1].text


async def test_given_one_of_two_frames_missing_then_only_its_signals_turn_bad() -> None:
    second = "  other: {telemetry: 2, type: uint8, access: notify, rate: 50 Hz}\n"
    with far_end(Board().received) as port:
        async with run_driver(at(port, _fast(second)), wait_online=False) as log:
            driver = await online(log, port)
            count = 0

            def one_more() -> bool:
                nonlocal count
                count += 1
                port.write(telemetry(count & 255))
                return bool(log.of("other", Quality.BAD))

            await eventually(one_more, "the missing frame noticed")
            assert log.of("other")[-1].reason == "no telemetry 0x02 for 1 s"
            assert not log.of("speed", Quality.BAD)
            assert driver.state is LinkState.ONLINE


def _fast(more: str) -> Profile:
    return profile_of(
        "profile: test/fast\nprotocol: cobs\nsignals:\n"
        "  speed: {telemetry: 1, type: float32, access: notify, rate: 50 Hz}\n" + more
    )


async def test_given_only_noise_then_the_reason_points_to_the_baud_rate() -> None:
    def received(port: PtyEnd, data: bytes) -> None:
        """A board that only sends."""

    with far_end(received) as port:
        async with run_driver(at(port), wait_online=False) as log:

            def noise() -> bool:
                port.write(b"\x80\xf8\x00\x7f\x00")
                return bool(log.events)

            await eventually(noise, "the failure told")
            assert log.kinds() == ["offline"]
            assert "damaged frames" in log.events[0].text
            assert "115200 baud" in log.events[0].text


# Commands ---------------------------------------------------------------------------------------


async def test_several_commands_fly_at_once_and_each_is_settled_by_its_own_sequence() -> None:
    board = Board()
    with far_end(board.received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            commands = [log.command("pwm", float(value)) for value in (10, 20, 30)]
            await eventually(lambda: len(board.heard) == 3, "three commands")
            assert [frame.payload for frame in board.heard] == [
                struct.pack("<H", raw) for raw in (1000, 2000, 3000)
            ]
            for frame, status in zip(reversed(board.heard), (0, 2, 0), strict=True):
                port.write(encode_frame(Frame(frame.kind | ANSWER, frame.sequence, bytes([status])), _CRC))
            await eventually(lambda: not any(c.pending for c in commands), "three outcomes")
            assert [c.outcome for c in commands] == [
                Outcome.ACKNOWLEDGED, Outcome.FAILED, Outcome.ACKNOWLEDGED,
            ]  # fmt: skip
            assert commands[1].reason == "dut answered: out of range"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x01", "unknown"), (b"\x03", "bad length"), (b"\x77", "unknown status 119"),
        (b"", "0 bytes instead of one status byte"),
    ],
)  # fmt: skip
async def test_given_any_other_answer_than_ok_then_the_command_fails_in_its_words(
    payload: bytes, words: str
) -> None:
    board = Board()
    with far_end(board.received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            command = log.command("pwm", 50.0)
            await eventually(lambda: board.heard, "the command")
            port.write(encode_frame(Frame(0x10 | ANSWER, board.heard[0].sequence, payload), _CRC))
            await eventually(lambda: not command.pending, "the outcome")
            assert (command.outcome, command.reason) == (Outcome.FAILED, f"dut answered: {words}")


async def test_given_no_answer_then_the_command_fails_and_a_late_one_settles_nothing() -> None:
    board = Board()
    with far_end(board.received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            first = log.command("pwm", 50.0)
            await eventually(lambda: not first.pending, "the outcome", within=5)
            assert (first.outcome, first.reason) == (Outcome.FAILED, "dut: no answer within 0.25 s")
            second = log.command("pwm", 60.0)
            port.write(
                encode_frame(Frame(0x10 | ANSWER, board.heard[0].sequence, b"\0"), _CRC) + telemetry(1)
            )
            await eventually(lambda: len(log.good("speed")) == 2, "the late answer read")
            assert second.outcome is not Outcome.ACKNOWLEDGED


async def test_given_a_full_wire_then_a_safe_state_command_goes_before_those_that_wait() -> None:
    board = Board()
    with far_end(board.received) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await online(log, port)
            for value in range(20):
                log.command("pwm", float(value))
            log.command("pwm", 99.0, Priority.SAFE)
            await eventually(lambda: len(board.heard) > 8, "the second round", within=5)
            assert board.heard[8].payload == struct.pack("<H", 9900)


async def test_given_a_value_beyond_the_type_then_the_command_fails_at_once() -> None:
    fan = make_device("cobs/fan-driver", _WIRE)
    async with emulate(fan) as emulated, run_driver(emulated["dut"].device) as log:
        command = log.command("pwm", 1e6)
        assert command.outcome is Outcome.FAILED
        assert "does not fit uint16" in command.reason


async def test_given_values_to_configure_then_the_device_has_them_once_it_is_online() -> None:
    fan = make_device("cobs/fan-driver", _WIRE, pwm=12.5)
    async with emulate(fan) as emulated, run_driver(emulated["dut"].device):
        await eventually(lambda: emulated["dut"].store.read("pwm") == 12.5, "the configured value")
