"""Numbers as devices hold them: a struct type, a scale and an offset between raw and unit."""

from __future__ import annotations

import math
import struct
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
    raw = value / scale
    if kind.is_float:
        if not math.isfinite(raw):
            raise ValueError(f"{value} cannot be sent as {kind.value}")
        return raw
    if not math.isfinite(raw):
        raise ValueError(f"{value} cannot be sent as {kind.value}")
    whole = round(raw)
    bits = kind.size * 8
    low, high = (0, (1 << bits) - 1) if kind.code.isupper() else (-(1 << bits - 1), (1 << bits - 1) - 1)
    if not low <= whole <= high:
        raise ValueError(f"{value} does not fit {kind.value} with scale {scale:g}")
    return whole
