"""Payloads: fields at fixed offsets, high byte first."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.payload import BitField, Field, Layout
from testbed.protocols.numbers import NumberType

WHOLE = [kind for kind in NumberType if not kind.is_float]


def raw_range(kind: NumberType) -> tuple[int, int]:
    bits = 8 * kind.size
    return (0, 2**bits - 1) if kind.code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def filled_layouts(draw: st.DrawFn) -> tuple[Layout, dict[str, float]]:
    """Layouts without overlaps, and values that their fields can hold exactly."""
    fields, values, offset = [], {}, 0
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from([k for k in WHOLE if k.size <= 4] + [NumberType.FLOAT32]))
        offset += draw(st.integers(0, 2))
        scale = draw(st.sampled_from([1.0, 0.5, 0.01, 2.0]))
        field = Field(f"s{number}", offset, kind, scale)
        if kind.is_float:
            raw: float = draw(st.floats(width=32, allow_nan=False, allow_infinity=False))
        else:
            raw = draw(st.integers(*raw_range(kind)))
        fields.append(field)
        values[field.signal] = raw * scale
        offset = field.end
    return Layout(draw(st.integers(1, 223)), tuple(fields)), values


@given(filled_layouts(), st.binary(max_size=5))
def test_values_survive_the_air_even_when_a_newer_firmware_appends_bytes(
    filled: tuple[Layout, dict[str, float]], appended: bytes
) -> None:
    layout, values = filled
    decoded = layout.decode(layout.encode(values) + appended)
    assert decoded == pytest.approx(values, rel=1e-6)


@given(filled_layouts(), st.data())
def test_a_short_payload_is_refused_with_both_lengths(
    filled: tuple[Layout, dict[str, float]], data: st.DataObject
) -> None:
    layout, values = filled
    kept = data.draw(st.integers(0, layout.size - 1))
    with pytest.raises(ValueError, match=f"at least {layout.size} bytes, got {kept}"):
        layout.decode(layout.encode(values)[:kept])


def test_fields_stand_at_their_offsets_high_byte_first() -> None:
    layout = Layout(2, (Field("a", 0, NumberType.UINT8, 0.5), Field("b", 2, NumberType.INT16, 0.1)))
    assert layout.encode({"a": 42.5, "b": -12.3}) == bytes.fromhex("55 00 ff85")
    assert layout.decode(bytes.fromhex("55 00 ff85")) == pytest.approx({"a": 42.5, "b": -12.3})


@pytest.mark.parametrize("value", [200.0, -1.0, math.nan, math.inf])
def test_a_value_that_does_not_fit_is_refused_by_name(value: float) -> None:
    layout = Layout(10, (Field("opening", 0, NumberType.UINT8, 0.5),))
    with pytest.raises(ValueError, match="opening"):
        layout.encode({"opening": value})


@pytest.mark.parametrize("kind", WHOLE)
def test_a_sensor_beyond_its_range_stays_at_its_end(kind: NumberType) -> None:
    field = Field("a", 0, kind, 0.5)
    low, high = raw_range(kind)
    assert field.saturate(1e30) == high * 0.5
    assert field.saturate(-1e30) == low * 0.5
    assert field.saturate(7.5) == 7.5


def test_a_float_field_holds_what_it_is_given() -> None:
    assert Field("a", 0, NumberType.FLOAT32).saturate(1e30) == 1e30


def test_a_float_too_large_for_the_wire_is_refused() -> None:
    with pytest.raises(ValueError, match="a:"):
        Layout(1, (Field("a", 0, NumberType.FLOAT32),)).encode({"a": 1e300})


# Bits -----------------------------------------------------------------------------------------


@st.composite
def packed(draw: st.DrawFn) -> tuple[Layout, dict[str, float]]:
    """Layouts of bit fields side by side, and values that they hold exactly."""
    fields, values, at = [], {}, 0
    for number in range(draw(st.integers(1, 6))):
        at += draw(st.integers(0, 9))
        signed = draw(st.booleans())
        width = draw(st.integers(1, 40))
        field = BitField(f"s{number}", at, width, signed, draw(st.sampled_from([1.0, 0.1, 0.25])), 3.0)
        low = -(1 << width - 1) if signed else 0
        fields.append(field)
        values[field.signal] = draw(st.integers(low, low + (1 << width) - 1)) * field.scale + field.shift
        at += width
    return Layout(draw(st.integers(1, 223)), tuple(fields)), values


@given(packed(), st.binary(max_size=3))
def test_bit_fields_survive_the_air_wherever_they_lie(
    filled: tuple[Layout, dict[str, float]], appended: bytes
) -> None:
    layout, values = filled
    assert layout.decode(layout.encode(values) + appended) == pytest.approx(values)


def test_bits_are_counted_from_the_highest_of_the_first_byte() -> None:
    fields = (BitField("on", 0, 1), BitField("mode", 1, 3), BitField("level", 4, 10, True, 0.5, 10.0))
    payload = Layout(1, fields).encode({"on": 1, "mode": 5, "level": 9.0})
    assert payload == bytes.fromhex("df f8")  # 1 101 1111111110 and two bits to spare
    assert Layout(1, fields).decode(payload) == {"on": 1, "mode": 5, "level": 9.0}


@pytest.mark.parametrize("value", [8.0, -1.0, math.nan, math.inf])
def test_a_value_of_too_many_bits_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match="mode"):
        Layout(10, (BitField("mode", 0, 3),)).encode({"mode": value})


def test_a_sensor_beyond_its_bits_stays_at_their_end() -> None:
    field = BitField("level", 0, 10, True, 0.5, 10.0)
    assert (field.saturate(1e9), field.saturate(-1e9), field.saturate(12.5)) == (265.5, -246.0, 12.5)


def test_a_number_may_stand_low_byte_first() -> None:
    layout = Layout(1, (Field("a", 1, NumberType.INT16, 0.1, 20.0, little=True),))
    assert layout.encode({"a": 20.3}) == bytes.fromhex("00 0300")
    assert layout.decode(bytes.fromhex("00 0300")) == pytest.approx({"a": 20.3})


# Preset bytes ---------------------------------------------------------------------------------


def test_a_command_is_written_into_its_preset_bytes_and_told_by_them() -> None:
    number = Field("period", 2, NumberType.UINT16, little=True)
    period = Layout(85, (number,), bytes.fromhex("ff 03 00 00"))
    reboot = Layout(85, (BitField("reboot", 16, 8),), bytes.fromhex("ff 10 00"))
    assert period.encode({"period": 1200}) == bytes.fromhex("ff 03 b0 04")
    assert period.is_told_from(reboot)
    assert reboot.is_told_from(period)
    assert not period.is_told_from(Layout(85, (number,)))
    with pytest.raises(ValueError, match=r"like ff 03 00 00, got ff 10 ff 00"):
        period.decode(bytes.fromhex("ff 10 ff 00"))
