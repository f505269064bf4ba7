import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.crc import CATALOGUE, Crc

_DIGITS = b"123456789"


@pytest.mark.parametrize("crc", CATALOGUE.values(), ids=lambda crc: crc.name)
def test_given_the_digits_one_to_nine_then_the_crc_is_the_catalogues_check_value(crc: Crc) -> None:
    assert crc(_DIGITS) == crc.check
    assert crc.by_table(_DIGITS) == crc.check


@pytest.mark.parametrize(
    ("name", "check"),
    [("crc16-ccitt-false", 0x29B1), ("crc16-modbus", 0x4B37), ("crc32", 0xCBF43926)],
)
def test_the_check_values_are_those_that_reveng_publishes(name: str, check: int) -> None:
    assert CATALOGUE[name].check == check


def test_given_bits_that_come_out_in_another_order_than_they_went_in_then_they_are_turned() -> None:
    # CRC-12/UMTS, the catalogue's algorithm with refin=false, refout=true and an odd width.
    umts = Crc("crc12-umts", 12, 0x80F, 0x000, False, True, 0x000, 0xDAF)
    assert umts(_DIGITS) == umts.check


@given(st.binary(max_size=300))
def test_the_native_algorithms_agree_with_their_tables(data: bytes) -> None:
    for crc in CATALOGUE.values():
        assert crc(data) == crc.by_table(data)
    assert CATALOGUE["crc32"].by_table(data) == zlib.crc32(data)


@given(st.binary(min_size=1, max_size=64), st.data())
def test_a_single_flipped_bit_is_always_noticed(data: bytes, draw: st.DataObject) -> None:
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    for crc in CATALOGUE.values():
        assert crc(bytes(flipped)) != crc(data)
