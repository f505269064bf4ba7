import contextlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.numbers import NumberType, to_raw, to_raw_saturated

_WHOLE = [kind for kind in NumberType if not kind.is_float]


@pytest.mark.parametrize("kind", NumberType)
def test_a_types_size_is_that_of_what_it_packs(kind: NumberType) -> None:
    assert kind.size == len(struct.pack("<" + kind.code, 0))


def test_given_a_scale_then_the_nearest_whole_number_is_sent() -> None:
    assert to_raw(NumberType.INT16, 21.54, 0.1) == 215
    assert to_raw(NumberType.INT16, -21.56, 0.1) == -216
    assert to_raw(NumberType.UINT16, 42.25, 0.01) == 4225


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NumberType.UINT8, -1), (NumberType.UINT8, 256), (NumberType.INT8, 128), (NumberType.INT8, -129),
        (NumberType.UINT16, 65536), (NumberType.INT32, 2**31), (NumberType.UINT64, 2**64),
        (NumberType.FLOAT32, 1e39), (NumberType.FLOAT32, math.nan), (NumberType.INT16, math.inf),
    ],
)  # fmt: skip
def test_given_a_value_that_does_not_fit_then_it_is_refused_by_name(kind: NumberType, value: float) -> None:
    with pytest.raises(ValueError, match=kind.value):
        to_raw(kind, value)


@given(st.sampled_from(_WHOLE), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_what_fits_differs_by_at_most_half_a_step_after_the_wire(kind: NumberType, value: float) -> None:
    try:
        raw = to_raw(kind, value, 0.25)
    except ValueError:
        return
    assert struct.unpack("<" + kind.code, struct.pack("<" + kind.code, raw))[0] == raw
    assert abs(raw * 0.25 - value) <= 0.125 + abs(value) * 1e-12


@given(st.sampled_from(list(NumberType)), st.floats(), st.sampled_from([1.0, 0.1, 0.001, 1000.0]))
def test_firmware_sends_what_fits_as_it_is_and_anything_else_still_packs(
    kind: NumberType, value: float, scale: float
) -> None:
    raw = to_raw_saturated(kind, value, scale)
    struct.pack("<" + kind.code, raw)
    with contextlib.suppress(ValueError):
        assert raw == to_raw(kind, value, scale)


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        (NumberType.UINT8, 300, 255), (NumberType.UINT8, -5, 0), (NumberType.INT8, -500, -128),
        (NumberType.INT16, math.nan, 0), (NumberType.UINT32, math.inf, 2**32 - 1),
        (NumberType.FLOAT32, math.inf, math.inf),
    ],
)  # fmt: skip
def test_given_a_value_beyond_the_type_then_firmware_sends_its_end(
    kind: NumberType, value: float, raw: float
) -> None:
    assert to_raw_saturated(kind, value) == raw
