"""Payloads: fields at fixed offsets, high byte first."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.payload import Field, Layout
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
