"""Numbers as GATT characteristics hold them: little-endian, in the formats of the assigned numbers.

Whole numbers and IEEE 754 floats (Core Specification 5.4, vol 3 part F, 3.2.9), whole numbers of 3 and 6
bytes (GATT Specification Supplement, 2.2), and the decimal floats of medical devices, medfloat16 and
medfloat32 (IEEE 11073-20601, annex F.8: SFLOAT-Type and FLOAT-Type).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import StrEnum


class GattType(StrEnum):
    """The shapes of a number in a characteristic's value; `sint16` is another name of `int16`, and so on."""

    UINT8 = "uint8"
    INT8 = "int8"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT24 = "uint24"
    INT24 = "int24"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT48 = "uint48"
    INT48 = "int48"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    MEDFLOAT16 = "medfloat16"
    MEDFLOAT32 = "medfloat32"

    @classmethod
    def _missing_(cls, value: object) -> GattType | None:
        text = str(value)
        return next((kind for kind in cls if text == f"s{kind.value}" and kind.is_whole), None)

    @property
    def is_whole(self) -> bool:
        """Whether it holds no fractions itself."""
        return "int" in self.value

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return _SIZES[self]

    @property
    def wider(self) -> GattType | None:
        """The same with twice the bytes, if there is such a type."""
        name = self.value.rstrip("0123456789")
        return next((kind for kind in GattType if kind.value == f"{name}{self.size * 16}"), None)

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest number that it holds."""
        bits = self.size * 8
        if self.is_whole:
            return (0, (1 << bits) - 1) if self.value[0] == "u" else (-(1 << bits - 1), (1 << bits - 1) - 1)
        if self in _DECIMAL:
            return -_DECIMAL[self].largest, _DECIMAL[self].largest
        return -_LARGEST[self], _LARGEST[self]

    def unpack(self, data: bytes) -> float:
        """Return the number in exactly `size` bytes; NaN or an infinity where they hold none."""
        if self.is_whole:
            return int.from_bytes(data, "little", signed=self.value[0] == "i")
        if self in _DECIMAL:
            return _DECIMAL[self].unpack(int.from_bytes(data, "little"))
        return float(struct.unpack(_CODES[self], data)[0])

    def pack(self, number: float) -> bytes:
        """Return the bytes of a number: rounded to what the type can say.

        Raises ValueError when it is not finite or out of the type's bounds.
        """
        if not math.isfinite(number):
            raise ValueError(f"{number} cannot be sent as {self.value}")
        raw = round(number) if self.is_whole else number
        low, high = self.bounds
        if not low <= raw <= high:
            raise ValueError(f"{number} does not fit {self.value}")
        if self.is_whole:
            return int(raw).to_bytes(self.size, "little", signed=self.value[0] == "i")
        if self in _DECIMAL:
            return _DECIMAL[self].pack(raw).to_bytes(self.size, "little")
        return struct.pack(_CODES[self], raw)

    @property
    def no_number(self) -> bytes | None:
        """The bytes that say "not a number", where the type has them."""
        if self in _DECIMAL:
            return _DECIMAL[self].not_a_number.to_bytes(self.size, "little")
        return None if self.is_whole else struct.pack(_CODES[self], math.nan)


@dataclass(frozen=True)
class _Decimal:
    """A mantissa times a power of ten, both two's complement, the exponent in the highest bits."""

    mantissa_bits: int
    exponent_bits: int

    @property
    def not_a_number(self) -> int:
        """Its code, the highest mantissa with exponent 0: 0x07FF, 0x007FFFFF."""
        return (1 << self.mantissa_bits - 1) - 1

    @property
    def largest(self) -> float:
        """The highest number: mantissas above this one are codes."""
        return float((self.not_a_number - 2) * 10 ** ((1 << self.exponent_bits - 1) - 1))

    def unpack(self, raw: int) -> float:
        mantissa = _signed(raw & ((1 << self.mantissa_bits) - 1), self.mantissa_bits)
        exponent = _signed(raw >> self.mantissa_bits, self.exponent_bits)
        if exponent == 0 and abs(mantissa) >= self.not_a_number - 1:
            infinite = abs(mantissa) == self.not_a_number - 1
            return math.copysign(math.inf, mantissa) if infinite else math.nan
        # A quotient is the nearest binary number to 364/10; a product with 0.1 is not.
        return mantissa / 10.0**-exponent if exponent < 0 else mantissa * 10.0**exponent

    def pack(self, number: float) -> int:
        """Return the code with the most digits that the mantissa takes, without zeros at their end."""
        digits, _, power = f"{number:.{self._digits - 1}e}".partition("e")
        mantissa, exponent = int(digits.replace(".", "")), int(power) - self._digits + 1
        low, high = -(1 << self.exponent_bits - 1), (1 << self.exponent_bits - 1) - 1
        while abs(mantissa) > self.not_a_number - 2 or exponent < low:
            mantissa, exponent = round(mantissa / 10), exponent + 1
        while exponent > high:
            mantissa, exponent = mantissa * 10, exponent - 1
        while mantissa and mantissa % 10 == 0 and exponent < 0:
            mantissa, exponent = mantissa // 10, exponent + 1
        if mantissa == 0:
            exponent = 0
        return (exponent & ((1 << self.exponent_bits) - 1)) << self.mantissa_bits | (
            mantissa & ((1 << self.mantissa_bits) - 1)
        )

    @property
    def _digits(self) -> int:
        return len(str(self.not_a_number))


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


_SIZES = {kind: int("".join(filter(str.isdigit, kind.value))) // 8 for kind in GattType}
_DECIMAL = {GattType.MEDFLOAT16: _Decimal(12, 4), GattType.MEDFLOAT32: _Decimal(24, 8)}
_CODES = {GattType.FLOAT32: "<f", GattType.FLOAT64: "<d"}
_LARGEST = {GattType.FLOAT32: 3.4028234663852886e38, GattType.FLOAT64: 1.7976931348623157e308}
