"""Numbers as devices hold them: a struct type, a scale and an offset between raw and unit."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable
from enum import StrEnum


class NumberType(StrEnum):
    """The shapes of a number on a wire."""

    UINT8 = "uint8"
    INT8 = "int8"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def code(self) -> str:
        """Its letter in Python's struct module."""
        return _CODES[self.value]

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return struct.calcsize(">" + self.code)

    @property
    def is_float(self) -> bool:
        """Whether it holds fractions itself."""
        return self.code in "fd"


_CODES = {
    "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i",
    "uint64": "Q", "int64": "q", "float32": "f", "float64": "d",
}  # fmt: skip


def to_raw(kind: NumberType, value: float, scale: float = 1.0) -> float | int:
    """Return what goes on the wire for `value` in its unit: value / scale, rounded for whole types.

    Raises ValueError when the value is not finite or does not fit the type.
    """
    return raw_converter(kind, scale)(value)


def raw_converter(kind: NumberType, scale: float = 1.0) -> Callable[[float], float | int]:
    """Return `to_raw` for one type and scale, with all that does not depend on the value done beforehand."""
    whole = not kind.is_float
    low, high = bounds(kind) if whole else (-_LARGEST[kind], _LARGEST[kind])

    def convert(value: float) -> float | int:
        raw = value / scale
        if raw - raw != 0.0:  # infinite or NaN
            raise ValueError(f"{value} cannot be sent as {kind.value}")
        if whole:
            raw = round(raw)
        if not low <= raw <= high:
            raise ValueError(f"{value} does not fit {kind.value} with scale {scale:g}")
        return raw

    return convert


def to_raw_saturated(kind: NumberType, value: float, scale: float = 1.0) -> float | int:
    """Return what a device's firmware would send: the nearest raw number that the type can hold.

    Whole types have no word for "no value", so NaN becomes 0; float types carry it.
    """
    raw = value / scale
    if kind is NumberType.FLOAT64 or (kind.is_float and not math.isfinite(raw)):
        return raw
    if kind.is_float:
        return max(-_FLOAT32_MAX, min(raw, _FLOAT32_MAX))
    if math.isnan(raw):
        return 0
    low, high = bounds(kind)
    return round(max(low, min(raw, high)))


_FLOAT32_MAX = 3.4028234663852886e38
_LARGEST = {NumberType.FLOAT32: _FLOAT32_MAX, NumberType.FLOAT64: sys.float_info.max}


def bounds(kind: NumberType) -> tuple[int, int]:
    """Return the lowest and the highest number of a whole type."""
    bits = kind.size * 8
    return (0, (1 << bits) - 1) if kind.code.isupper() else (-(1 << bits - 1), (1 << bits - 1) - 1)
