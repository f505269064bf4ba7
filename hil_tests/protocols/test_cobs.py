import binascii
import itertools
import struct

import pytest
from cobs import cobs as reference
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support.profiles import profile_of
from testbed.bench.problems import BenchFileError
from testbed.protocols.cobs import (
    MAX_PAYLOAD,
    BadFrame,
    CobsProfile,
    Frame,
    FrameReader,
    StuffingError,
    decode_frame,
    encode_frame,
    stuff,
    unstuff,
)
from testbed.protocols.cobs.address import CobsSettings
from testbed.protocols.crc import CATALOGUE

_CRC = CATALOGUE["crc16-ccitt-false"]

# Runs around 254 bytes without a zero are where the code byte changes its meaning.
data = st.one_of(
    st.binary(max_size=800),
    st.lists(st.sampled_from([b"\0", b"\x01" * 253, b"\x01" * 254, b"\x01" * 255]), max_size=6).map(b"".join),
)
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD))

# Stuffing ---------------------------------------------------------------------------------------


@given(data)
def test_stuffing_agrees_with_the_reference_and_comes_back(raw: bytes) -> None:
    stuffed = stuff(raw)
    assert stuffed == reference.encode(raw)
    assert 0 not in stuffed
    assert len(stuffed) <= len(raw) + len(raw) // 254 + 1
    assert unstuff(stuffed) == raw


@given(st.binary(max_size=300))
def test_whatever_comes_unstuffs_as_the_reference_does_or_is_refused(raw: bytes) -> None:
    try:
        expected = reference.decode(raw) if raw else None
    except reference.DecodeError:
        expected = None
    if expected is None:
        with pytest.raises(StuffingError):
            unstuff(raw)
    else:
        assert unstuff(raw) == expected


def test_given_254_bytes_then_a_decoder_takes_them_with_and_without_the_papers_last_code() -> None:
    block = bytes(range(1, 255))
    assert unstuff(b"\xff" + block) == block
    assert unstuff(b"\xff" + block + b"\x01") == block


# Frames -----------------------------------------------------------------------------------------


def test_given_golden_bytes_then_they_are_the_fan_drivers_telemetry() -> None:
    # Type 1, sequence 42, float32 1500.0, uint16 1200; CRC 0xB9AF; made with the PyPI package cobs.
    golden = bytes.fromhex("03 01 2A 08 80 BB 44 B0 04 AF B9 00")
    frame = Frame(0x01, 42, struct.pack("<fH", 1500.0, 1200))
    assert encode_frame(frame, _CRC) == golden
    assert FrameReader(_CRC).feed(golden) == [frame]


@given(frames)
def test_a_frame_is_the_stuffing_of_type_sequence_payload_and_crc(frame: Frame) -> None:
    body = bytes((frame.kind, frame.sequence)) + frame.payload
    crc = struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))
    assert encode_frame(frame, _CRC) == reference.encode(body + crc) + b"\0"


@given(frames)
def test_the_longest_frame_takes_256_bytes(frame: Frame) -> None:
    assert len(encode_frame(frame, _CRC)) <= 256


def test_given_too_long_a_payload_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="250"):
        encode_frame(Frame(1, 0, bytes(MAX_PAYLOAD + 1)), _CRC)


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 1500), max_size=8))
def test_frames_survive_the_wire_cut_anywhere(sent: list[Frame], cuts: list[int]) -> None:
    raw = b"".join(encode_frame(frame, _CRC) for frame in sent)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    reader = FrameReader(_CRC)
    found = [f for a, b in itertools.pairwise(edges) for f in reader.feed(raw[a:b])]
    assert found == sent
    assert reader.bad_frames == 0


@given(st.lists(st.binary(max_size=700), max_size=6), frames)
def test_after_any_noise_the_frame_behind_a_delimiter_is_read(noise: list[bytes], frame: Frame) -> None:
    reader = FrameReader(_CRC)
    for piece in noise:
        reader.feed(piece)
        assert len(reader._rest) <= 256, "what is kept must stay bounded"
    reader.feed(b"\0")
    before = reader.bad_frames
    assert reader.feed(encode_frame(frame, _CRC)) == [frame]
    assert reader.bad_frames == before


@given(frames, st.data())
def test_a_flipped_bit_never_passes_as_a_frame(frame: Frame, draw: st.DataObject) -> None:
    raw = bytearray(encode_frame(frame, _CRC)[:-1])
    bit = draw.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert frame not in FrameReader(_CRC).feed(bytes(raw) + b"\0")


def test_given_a_wrong_crc_then_the_reason_shows_both() -> None:
    body = b"\x01\x00abc"
    bad = decode_frame(stuff(body + b"\x34\x12"), _CRC)
    assert bad == BadFrame(f"CRC mismatch: received 0x1234, computed 0x{_CRC(body):04X}")


def test_given_no_delimiter_then_one_bad_frame_is_counted_however_long_the_noise() -> None:
    reader = FrameReader(_CRC)
    found = [bad for _ in range(50) for bad in reader.feed(b"U" * 1000)]
    found += reader.feed(b"\0")
    assert [type(each) for each in found] == [BadFrame]
    assert reader.bad_frames == 1


def test_given_empty_frames_then_they_mean_nothing() -> None:
    reader = FrameReader(_CRC)
    assert reader.feed(b"\0\0\0") == []
    assert reader.bad_frames == 0


# Profiles ---------------------------------------------------------------------------------------


def _signals(*lines: str, top: str = "") -> str:
    return "profile: t\nprotocol: cobs\n" + top + "signals:\n" + "".join(f"  {line}\n" for line in lines)


_SPEED = "speed: {telemetry: 1, offset: 0, type: float32, access: notify, rate: 10 Hz}"


def test_a_frame_is_compiled_once_with_its_gaps() -> None:
    profile = CobsProfile.of(
        profile_of(
            _signals(
                "late: {telemetry: 1, offset: 7, type: uint8, access: notify, rate: 10 Hz}",
                _SPEED,
                "duty: {command: 0x10, type: uint16, scale: 0.1, access: write, safe: 0}",
            )
        )
    )
    (telemetry,) = profile.telemetry
    assert telemetry.layout.unpack(struct.pack("<f", 2.5) + b"???" + b"\x09") == (2.5, 9)
    assert [name for name, _, _ in telemetry.fields] == ["speed", "late"]
    assert telemetry.period_ns == 100_000_000
    assert [(command.kind, command.signal) for command in profile.commands] == [(0x10, "duty")]


@pytest.mark.parametrize(
    ("lines", "top", "message"),
    [
        (["speed: {telemetry: 0x10, type: uint8, access: notify, rate: 1 Hz}"], "", "less than 16"),
        (["speed: {telemetry: 1, command: 16, type: uint8, rate: 1 Hz}"], "", "one place"),
        (["speed: {type: uint8, rate: 1 Hz}"], "", "one place"),
        (["speed: {telemetry: 1, type: uint9, access: notify, rate: 1 Hz}"], "", "uint8"),
        (["speed: {telemetry: 1, type: uint8, rate: 1 Hz}"], "", "access: notify"),
        (["speed: {telemetry: 1, type: uint8, access: notify}"], "", "rate of at least"),
        (["speed: {telemetry: 1, type: uint8, access: notify, rate: 0.1 Hz}"], "", "rate of at least"),
        (["speed: {telemetry: 1, offset: 249, type: uint16, access: notify, rate: 1 Hz}"], "", "byte 251"),
        ([_SPEED, "b: {telemetry: 1, offset: 3, type: uint8, access: notify, rate: 10 Hz}"], "", "overlaps"),
        (
            [_SPEED, "b: {telemetry: 1, offset: 4, type: uint8, access: notify, rate: 9 Hz}"],
            "",
            "another rate",
        ),
        ([_SPEED, "b: {command: 16, type: uint8, access: read}"], "", "access: write"),
        ([_SPEED, "b: {command: 16, offset: 1, type: uint8, access: write, safe: 0}"], "", "no offset"),
        ([_SPEED, *(f"{n}: {{command: 16, type: uint8, access: write, safe: 0}}" for n in "bc")], "", "both"),
        (["b: {command: 16, type: uint8, access: write, safe: 0}"], "", "no telemetry"),
        ([_SPEED], "crc: crc16-ccit-false\n", "crc16-ccitt-false"),
        ([_SPEED], "crc: crc8-smbus\n", "no CRC-16"),
        ([_SPEED], "sync: 7\n", "unknown key 'sync'"),
    ],
)
def test_given_a_wrong_profile_then_the_error_says_what_is_wrong_and_where(
    lines: list[str], top: str, message: str
) -> None:
    with pytest.raises(BenchFileError, match=message) as caught:
        CobsProfile.of(profile_of(_signals(*lines, top=top)))
    assert "profile.yaml:" in str(caught.value)


# Other CRCs -------------------------------------------------------------------------------------

OWN = {
    "width": 32,
    "poly": 0x1EDC6F41,
    "init": 0xFFFFFFFF,
    "refin": True,
    "refout": True,
    "xorout": 0xFFFFFFFF,
}


@given(st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=248)), st.data())
def test_a_frame_with_a_crc_32_comes_back_and_a_changed_bit_is_found(
    frame: Frame, data: st.DataObject
) -> None:
    crc = CATALOGUE["crc32"]
    body = bytearray(unstuff(encode_frame(frame, crc)[:-1]))
    assert int.from_bytes(body[-4:], "little") == binascii.crc32(body[:-4])
    assert decode_frame(stuff(bytes(body)), crc) == frame
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    body[bit // 8] ^= 1 << bit % 8
    assert isinstance(decode_frame(stuff(bytes(body)), crc), BadFrame)


def test_a_crc_may_be_given_by_its_numbers() -> None:
    crc = CobsSettings.model_validate({"crc": OWN}).algorithm()
    assert (crc.size, crc.check) == (4, 0xE3069283)  # CRC-32/ISCSI of the RevEng catalogue


@pytest.mark.parametrize(
    ("crc", "told"),
    [
        ("crc-32", "did you mean"),
        ({"width": 16, "poly": 0x11021}, "at most 16 bits"),
        ({"width": 8, "poly": 7}, "16"),
    ],
)
def test_a_crc_that_is_none_is_told(crc: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        CobsSettings.model_validate({"crc": crc})


def test_with_four_bytes_of_crc_a_payload_is_shorter() -> None:
    with pytest.raises(ValueError, match="at most 248 bytes"):
        encode_frame(Frame(1, 0, bytes(249)), CATALOGUE["crc32"])
