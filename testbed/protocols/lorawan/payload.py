"""Application payloads: numbers at fixed offsets, high byte first, as the profile lays them out."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.protocols.numbers import NumberType, to_raw


@dataclass(frozen=True)
class Field:
    """One number in a payload: value in the signal's unit = raw number x `scale`."""

    signal: str
    offset: int
    type: NumberType
    scale: float = 1.0

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.offset + self.type.size

    def encode_into(self, payload: bytearray, value: float) -> None:
        """Write `value`; raises ValueError naming the signal when it does not fit."""
        try:
            raw = to_raw(self.type, value, self.scale)
            struct.pack_into(f">{self.type.code}", payload, self.offset, raw)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self.signal}: {error}") from None

    def decode(self, payload: bytes) -> float:
        """Return its value in the signal's unit."""
        raw: float = struct.unpack_from(f">{self.type.code}", payload, self.offset)[0]
        return raw * self.scale

    def saturate(self, value: float) -> float:
        """Return the nearest value that the field can hold, as a sensor at the end of its range does."""
        if self.type.is_float:
            return value
        steps = 1 << 8 * self.type.size
        low = 0 if self.type.code.isupper() else -steps // 2
        return min(max(value, low * self.scale), (low + steps - 1) * self.scale)


@dataclass(frozen=True)
class Layout:
    """The payload of one fPort."""

    f_port: int
    fields: tuple[Field, ...]

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return max(field.end for field in self.fields)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the payload that holds `values` (by signal name); bytes of no field are 0.

        Raises ValueError naming the signal whose value does not fit its field.
        """
        payload = bytearray(self.size)
        for field in self.fields:
            field.encode_into(payload, values[field.signal])
        return bytes(payload)

    def decode(self, payload: bytes) -> dict[str, float]:
        """Return every field's value by signal name; bytes beyond the layout are left alone.

        Raises ValueError when the payload is too short for the layout.
        """
        if len(payload) < self.size:
            raise ValueError(
                f"fPort {self.f_port}: expected at least {self.size} bytes, got {len(payload)}"
                + (f" ({payload.hex(' ')})" if payload else "")
            )
        return {field.signal: field.decode(payload) for field in self.fields}
