"""Frames, ciphers and counters of LoRaWAN 1.0.4, against the vectors of lora-packet's own tests.

github.com/anthonykirby/lora-packet, __tests__: mic_test, decrypt_test, key_gen_test, parse_test,
join_accept_encrypt, fopts_test. The keys and frames there come from real devices.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.counters import ReceivedCounter
from testbed.protocols.lorawan.crypto import SessionKeys, crypt_payload, encrypt, session_keys
from testbed.protocols.lorawan.frames import (
    DataFrame,
    JoinAccept,
    JoinRequest,
    MType,
    address_of,
    decode_data,
    m_type,
)

KEYS = SessionKeys(
    bytes.fromhex("44024241ed4ce9a68c6a8bc055233fd3"), bytes.fromhex("ec925802ae430ca77fd3dd73cb2cc588")
)
APP_KEY = bytes.fromhex("98929b92c49edba9676d646d3b612456")
DEV_ADDR = 0x49BE7DF1

FRAMES = [
    ("40F17DBE4900020001954378762B11FF0D", DataFrame(True, DEV_ADDR, 2, 1, b"test")),
    (
        "40f17dbe490004000155332de41a11adc072553544429ce7787707d1c316e027e7e5e334263376affb8aa17ad30075293f28"
        "dea8a20af3c5e7",
        DataFrame(True, DEV_ADDR, 4, 1, b"The quick brown fox jumps over the lazy dog."),
    ),
    ("40F17DBE49000300012A3518AF", DataFrame(True, DEV_ADDR, 3, 1)),
    ("60f17dbe4920020001f9d65d27", DataFrame(False, DEV_ADDR, 2, 1, ack=True)),
]


@pytest.mark.parametrize(("text", "frame"), FRAMES)
def test_the_published_frames_are_read_and_written(text: str, frame: DataFrame) -> None:
    phy = bytes.fromhex(text)
    assert address_of(phy) == (DEV_ADDR, frame.f_cnt)
    assert decode_data(phy, KEYS, frame.f_cnt) == frame
    assert frame.encode(KEYS) == phy


@pytest.mark.parametrize(
    ("text", "f_cnt"),
    [
        ("40F17DBE49000300012A3518AA", 3),  # mic_test: "bodged MIC so it's different"
        ("40F17DBE4900020001954478762B11FF0D", 2),  # decrypt_test: "bad data lightly scrambles payload"
        ("40F17DBE4900020001954378762B11FF0D", 2 + (1 << 16)),  # played again one round of 16 bits later
    ],
)
def test_a_frame_that_is_not_of_this_key_data_and_counter_is_refused(text: str, f_cnt: int) -> None:
    with pytest.raises(ValueError, match="the MIC is"):
        decode_data(bytes.fromhex(text), KEYS, f_cnt)


def test_the_published_payload_under_a_wrong_key_is_the_published_scramble() -> None:
    key = bytes.fromhex("ec925802ae430ca77fd3dd73cb2cc580")
    assert crypt_payload(key, DEV_ADDR, 2, bytes.fromhex("95437876"), uplink=True).hex() == "5999fc3f"


def test_mac_commands_in_fopts_are_found_where_they_stand() -> None:
    # fopts_test, packets of issue #18: the keys are unknown, so only the places can be proven
    phy = bytes.fromhex("4084412505A3010009110308B33750F504D4B86A")
    assert (phy[5] & 15, phy[8:11].hex()) == (3, "091103")
    frame = DataFrame(True, 0x05254184, 1, 8, b"\1\2\3", adr=True, f_opts=bytes.fromhex("091103"))
    assert frame.encode(KEYS)[:12].hex() == phy[:5].hex() + "83" + phy[6:12].hex()
    assert decode_data(frame.encode(KEYS), KEYS, 1) == frame


def test_the_published_join_requests_are_read_and_written() -> None:
    phy = bytes.fromhex("0039363463336913AA05693574323831330489C65B1304")
    request = JoinRequest.decode(phy, APP_KEY)
    assert request == JoinRequest(0xAA13693363343639, 0x3331383274356905, 0x8904)
    assert request.encode(APP_KEY) == phy
    with pytest.raises(ValueError, match="another key"):
        JoinRequest.decode(phy[:-1] + b"\5", APP_KEY)


def test_the_published_join_accepts_are_read_and_written() -> None:
    zero = bytes.fromhex("20e3de108795f776b8037610ef7869b5b3")
    assert JoinAccept.decode(zero, bytes(16)) == JoinAccept(0, 0, 0)  # a delay of 0 means 1 s
    assert JoinAccept(0, 0, 0, rx_delay=0).encode(bytes(16)) == zero
    phy = JoinAccept(0x376338, 0xAABBCC, 0x012CCDE7, rx_delay=0).encode(APP_KEY)
    # mic_test has it in the clear
    assert encrypt(APP_KEY, phy[1:]).hex() == "386337ccbbaae7cd2c010000d9d0a6e7"
    with pytest.raises(ValueError, match="another key"):
        JoinAccept.decode(zero, APP_KEY)


def test_the_published_session_keys_come_out() -> None:
    keys = session_keys(APP_KEY, 0x376338, 0xAABBCC, 0xF18E)
    assert keys.nwk_s_key.hex() == "4e3d6e6afbcc67af2ba3c8e8ec4acf4b"
    assert keys.app_s_key.hex() == "610897aa6f1460623443b527d3ac6a9d"


@given(
    st.builds(
        DataFrame,
        uplink=st.booleans(),
        dev_addr=st.integers(0, 0xFFFFFFFF),
        f_cnt=st.integers(0, 0xFFFFFFFF),
        f_port=st.integers(1, 255),
        payload=st.binary(max_size=222),
        confirmed=st.booleans(),
        ack=st.booleans(),
        adr=st.booleans(),
        f_opts=st.binary(max_size=15),
    )
)
def test_any_frame_survives_the_air_and_no_bit_of_it_can_be_changed(frame: DataFrame) -> None:
    phy = frame.encode(KEYS)
    assert decode_data(phy, KEYS, frame.f_cnt) == frame
    at = frame.f_cnt % len(phy)
    with pytest.raises(ValueError, match=r"MIC|frame"):
        decode_data(phy[:at] + bytes((phy[at] ^ 1 << frame.dev_addr % 8,)) + phy[at + 1 :], KEYS, frame.f_cnt)


@given(st.integers(0, 0xFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(1, 15), st.booleans())
def test_any_join_accept_survives_the_air(nonce: int, address: int, delay: int, channels: bool) -> None:
    accept = JoinAccept(nonce, 0x13, address, 2, 3, delay, bytes(range(16)) if channels else b"")
    assert JoinAccept.decode(accept.encode(APP_KEY), APP_KEY) == accept


@given(st.binary(max_size=60))
def test_whatever_is_heard_the_only_error_is_a_value_error(phy: bytes) -> None:
    for read in (
        lambda: decode_data(phy, KEYS, 0),
        lambda: JoinRequest.decode(phy, APP_KEY),
        lambda: JoinAccept.decode(phy, APP_KEY),
    ):
        with pytest.raises(ValueError, match=r"."):  # that a MIC is right by chance, nobody will see
            read()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (DataFrame(True, 1, 0, 1, f_opts=bytes(16)), "15 bytes"),
        (DataFrame(True, 1, 0, 0, b"\2", f_opts=b"\2"), "not in both"),
        (DataFrame(True, 1, 0, None, b"\2"), "needs an fPort"),
    ],
)
def test_what_no_frame_can_hold_is_refused(frame: DataFrame, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frame.encode(KEYS)


def test_a_frame_of_another_major_version_is_none_of_ours() -> None:
    assert m_type(b"\x40") is MType.UNCONFIRMED_UP
    for strange in (b"", b"\x41", b"\xe0"):
        with pytest.raises(ValueError, match=r"no frame of LoRaWAN 1\.0"):
            m_type(strange)


def test_the_encryption_of_an_accept_is_that_of_brocaar_s_library() -> None:
    # join_accept_encrypt: its 1.1 vector shares the cipher with 1.0, though not the MIC
    key = bytes(range(1, 17))
    phy = base64.b64decode("IHq+6gawKSDxHALQNI/PGBU=")
    assert encrypt(key, phy[1:])[:12].hex() == "010101" + "020202" + "04030201" + "8000"


# Counters -------------------------------------------------------------------------------------------


@given(st.integers(-1, (1 << 32) - 2), st.integers(1, (1 << 16)))
def test_a_counter_is_found_from_its_lower_half_however_many_frames_were_lost(last: int, gap: int) -> None:
    number = last + gap
    if number < 1 << 32:
        assert ReceivedCounter(last).next(number & 0xFFFF) == number


def test_an_old_frame_is_taken_for_one_of_the_next_round() -> None:
    counter = ReceivedCounter(70_000)
    assert counter.next(70_000 & 0xFFFF) == 70_000 + (1 << 16)
    assert counter.is_repetition(70_000 & 0xFFFF)
    assert not ReceivedCounter().is_repetition(0xFFFF)
    with pytest.raises(ValueError, match="join again"):
        ReceivedCounter((1 << 32) - 1).next(0)
