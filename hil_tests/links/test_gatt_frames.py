"""GATT exchanges survive being recorded."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import DamagedInput
from testbed.links.gatt_frames import AttOpcode, GattFrame, decode_frame


@given(st.sampled_from(AttOpcode), st.uuids(), st.binary(max_size=512))
def test_a_frame_survives(opcode: AttOpcode, characteristic: object, value: bytes) -> None:
    frame = GattFrame(opcode, str(characteristic), value)
    assert decode_frame(frame.encode()) == frame


def test_the_layout_is_opcode_uuid_value() -> None:
    frame = GattFrame(AttOpcode.NOTIFICATION, "00002a6e-0000-1000-8000-00805f9b34fb", b"\x69\x08")
    assert frame.encode().hex() == "1b" + "00002a6e00001000800000805f9b34fb" + "6908"


@given(st.binary(max_size=40))
def test_anything_else_is_refused_as_damaged_or_is_a_frame(data: bytes) -> None:
    with contextlib.suppress(DamagedInput):
        assert decode_frame(data).encode() == data


@pytest.mark.parametrize("data", [b"", b"\x1b", b"\x1b" + bytes(15), b"\x00" + bytes(16)])
def test_a_frame_cut_short_or_of_an_unknown_kind_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedInput, match="no GATT frame"):
        decode_frame(data)
