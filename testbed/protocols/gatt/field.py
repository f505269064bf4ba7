"""Where a signal lives: in which characteristic, in which of its bytes and bits, in which format."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from testbed.bench.uuids import Uuid, uuid128

from .numbers import GattType

# GSS: raw codes that stand for "value is not known". Others may follow the same way.
_NOT_KNOWN = {
    (uuid128(0x2A6E), GattType.INT16): -0x8000,  # GSS, Temperature
    (uuid128(0x2A6F), GattType.UINT16): 0xFFFF,  # GSS, Humidity
    (uuid128(0x2AFB), GattType.UINT24): 0xFFFFFF,  # GSS, Illuminance
}


def _whole(kind: GattType | None) -> GattType | None:
    if kind is not None and (not kind.is_whole or kind.value[0] != "u" or kind.size > 4):
        raise ValueError("flags are uint8, uint16, uint24 or uint32")
    return kind


class GattAddress(BaseModel):
    """Where a signal lives: the address keys of a BLE profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Uuid = Field(description="UUID of the service, for example 0x181A")
    characteristic: Uuid = Field(description="UUID of the characteristic, for example 0x2A6E")
    type: GattType = Field(description="How the number stands in the value, little-endian")
    scale: float = Field(default=1.0, description="Unit per count: value = raw x scale")
    offset: int | None = Field(
        default=None, ge=0, le=511, description="First byte, for a value that holds several numbers"
    )
    bits: tuple[int, int] | None = Field(
        default=None, description="First and last bit of a whole number that hold the value, 0 the lowest"
    )
    flags: Annotated[GattType | None, AfterValidator(_whole)] = Field(
        default=None, description="Type of the flags that begin the value: its numbers then follow in a row"
    )
    present: int | None = Field(
        default=None, ge=0, le=31, description="Bit of the flags that says that the number is there"
    )
    wide: int | None = Field(
        default=None,
        ge=0,
        le=31,
        description="Bit of the flags that doubles the number's bytes",
    )
    response: bool = Field(
        default=True, description="Whether a command asks for a response, where the device gives any"
    )
    indicate: bool = Field(
        default=False, description="An emulated device sends it as an indication, which waits to be confirmed"
    )
    repeats: bool = Field(default=False, description="The number comes again and again, to the value's end")

    @field_validator("scale")
    @classmethod
    def _usable(cls, scale: float) -> float:
        if scale == 0 or not math.isfinite(scale):
            raise ValueError("scale must be a number other than 0")
        return scale

    @model_validator(mode="after")
    def _consistent(self) -> GattAddress:
        if self.bits and not (self.type.is_whole and 0 <= self.bits[0] <= self.bits[1] < self.type.size * 8):
            raise ValueError(f"bits {list(self.bits)} are not in {self.type.value}")
        if self.flags is None:
            for key in ("present", "wide", "repeats"):
                if getattr(self, key) not in (None, False):
                    raise ValueError(f"{key} needs flags")
        elif self.offset is not None:
            raise ValueError("a number has an offset, or flags and its place in the row")
        elif max(self.present or 0, self.wide or 0) >= self.flags.size * 8:
            raise ValueError(f"{self.flags.value} has no such bit")
        if self.wide is not None and self.type.wider is None:
            raise ValueError(f"{self.type.value} has no wider form")
        return self

    @property
    def end(self) -> int:
        """The byte after its last, where its place does not depend on flags."""
        return (self.offset or 0) + self.type.size

    @property
    def not_known(self) -> int | None:
        """The raw code by which the device says that it has no value, where the GSS defines one."""
        return _NOT_KNOWN.get((self.characteristic, self.type))

    def unpack(self, data: bytes) -> float | None:
        """Return the number in a characteristic's value, or None for "not known"."""
        return self.number(data[self.offset or 0 : self.end], self.type)

    def number(self, data: bytes, kind: GattType) -> float | None:
        """Return what the bytes of one number of type `kind` say, or None for "not known"."""
        raw = kind.unpack(data)
        if not math.isfinite(raw) or raw == self.not_known:
            return None
        if self.bits:
            first, last = self.bits
            raw = int(raw) >> first & ((1 << last - first + 1) - 1)
        return float(raw * self.scale)

    def pack(self, value: float) -> bytes:
        """Return the number's bytes; NaN is "not known" where there is a code for it.

        Raises ValueError for what cannot be sent.
        """
        return self.packed(value, self.type)

    def packed(self, value: float, kind: GattType) -> bytes:
        """Return the bytes of a value as a number of type `kind`; bits outside of its own are 0."""
        if math.isnan(value):
            return self._nothing(kind)
        raw = value / self.scale
        if self.bits:
            first, last = self.bits
            if not 0 <= round(raw) < 1 << last - first + 1:
                raise ValueError(f"{value} does not fit bits {first} to {last}")
            raw = round(raw) << first
        try:
            data = kind.pack(raw)
        except ValueError as error:
            raise ValueError(
                f"{error} with scale {self.scale:g}" if self.scale != 1 else str(error)
            ) from None
        if self.not_known is not None and kind.unpack(data) == self.not_known:
            raise ValueError(f"{value} cannot be sent: its code means that the value is not known")
        return data

    def _nothing(self, kind: GattType) -> bytes:
        if self.not_known is not None:
            return kind.pack(self.not_known)
        if kind.value.startswith("medfloat") and (code := kind.no_number) is not None:
            return code
        raise ValueError(f"nan cannot be sent as {kind.value}")
