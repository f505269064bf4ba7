"""Application payloads: values at fixed places, as the profile lays them out."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from testbed.protocols.numbers import NumberType, to_raw


class Part(Protocol):
    """One signal's share of a payload."""

    @property
    def signal(self) -> str:
        """Whose value it holds."""

    def saturate(self, value: float) -> float:
        """Return the nearest value that it can hold, as a sensor at the end of its range does."""


class Place(Part, Protocol):
    """A part that always stands at the same bits; bit 0 is the highest of the first byte."""

    @property
    def bits(self) -> range:
        """The bits that it takes."""

    def encode_into(self, payload: bytearray, value: float) -> None:
        """Write `value`; raises ValueError naming the signal when it does not fit."""

    def decode(self, payload: bytes) -> float:
        """Return its value in the signal's unit."""


class Payload(Protocol):
    """What one fPort carries."""

    @property
    def f_port(self) -> int:
        """The port."""

    @property
    def fields(self) -> Sequence[Part]:
        """Its parts."""

    @property
    def size(self) -> int:
        """Bytes of the payload."""

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the payload that holds `values` (by signal name).

        Raises ValueError naming the signal whose value does not fit.
        """

    def decode(self, payload: bytes) -> dict[str, float]:
        """Return the values in a payload by signal name; raises ValueError when it is none of this kind."""


@dataclass(frozen=True)
class Field:
    """A number of whole bytes: value in the signal's unit = raw number x `scale` + `shift`."""

    signal: str
    offset: int
    type: NumberType
    scale: float = 1.0
    shift: float = 0.0
    little: bool = False
    """Low byte first."""

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.offset + self.type.size

    @property
    def bits(self) -> range:
        """The bits that it takes."""
        return range(8 * self.offset, 8 * self.end)

    @property
    def _format(self) -> str:
        return ("<" if self.little else ">") + self.type.code

    def encode_into(self, payload: bytearray, value: float) -> None:
        """Write `value`; raises ValueError naming the signal when it does not fit."""
        try:
            raw = to_raw(self.type, value - self.shift, self.scale)
            struct.pack_into(self._format, payload, self.offset, raw)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self.signal}: {error}") from None

    def decode(self, payload: bytes) -> float:
        """Return its value in the signal's unit."""
        raw: float = struct.unpack_from(self._format, payload, self.offset)[0]
        return raw * self.scale + self.shift

    def saturate(self, value: float) -> float:
        """Return the nearest value that the field can hold, as a sensor at the end of its range does."""
        if self.type.is_float:
            return value
        steps = 1 << 8 * self.type.size
        low = 0 if self.type.code.isupper() else -steps // 2
        least, most = low * self.scale + self.shift, (low + steps - 1) * self.scale + self.shift
        return min(max(value, least), most)


@dataclass(frozen=True)
class BitField:
    """A whole number of any width, anywhere: value in the signal's unit = raw number x `scale` + `shift`.

    It starts at bit `first` (0 is the highest bit of the first byte) and stands highest bit first, across
    the ends of bytes; a signed one is in two's complement.
    """

    signal: str
    first: int
    width: int
    signed: bool = False
    scale: float = 1.0
    shift: float = 0.0

    @property
    def bits(self) -> range:
        """The bits that it takes."""
        return range(self.first, self.first + self.width)

    @property
    def _bounds(self) -> tuple[int, int]:
        low = -(1 << self.width - 1) if self.signed else 0
        return low, low + (1 << self.width) - 1

    def encode_into(self, payload: bytearray, value: float) -> None:
        """Write `value`; raises ValueError naming the signal when it does not fit."""
        exact = (value - self.shift) / self.scale
        low, high = self._bounds
        if not low - 0.5 <= exact <= high + 0.5 or not low <= (raw := round(exact)) <= high:
            kind = "signed" if self.signed else "unsigned"
            raise ValueError(
                f"{self.signal}: {value} does not fit {self.width} {kind} bits with scale {self.scale:g}"
            )
        mask, after = (1 << self.width) - 1, 8 * len(payload) - self.bits.stop
        held = int.from_bytes(payload) & ~(mask << after) | (raw & mask) << after
        payload[:] = held.to_bytes(len(payload))

    def decode(self, payload: bytes) -> float:
        """Return its value in the signal's unit."""
        raw = int.from_bytes(payload) >> 8 * len(payload) - self.bits.stop & (1 << self.width) - 1
        if self.signed and raw >> self.width - 1:
            raw -= 1 << self.width
        return raw * self.scale + self.shift

    def saturate(self, value: float) -> float:
        """Return the nearest value that the field can hold, as a sensor at the end of its range does."""
        least, most = (bound * self.scale + self.shift for bound in self._bounds)
        return min(max(value, least), most)


@dataclass(frozen=True)
class Layout:
    """Places in the payload of one fPort. `preset` are the bytes around them, where they must be so."""

    f_port: int
    fields: tuple[Place, ...]
    preset: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return max(len(self.preset), *((field.bits.stop + 7) // 8 for field in self.fields))

    @property
    def fixed(self) -> int:
        """Which bits are preset, as a mask over the payload."""
        bits = (1 << 8 * len(self.preset)) - 1 << 8 * (self.size - len(self.preset))
        for field in self.fields:
            bits &= ~((1 << len(field.bits)) - 1 << 8 * self.size - field.bits.stop)
        return bits

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the payload that holds `values` (by signal name); bits of no field are preset, else 0.

        Raises ValueError naming the signal whose value does not fit its field.
        """
        payload = bytearray(self.preset.ljust(self.size, b"\0"))
        for field in self.fields:
            field.encode_into(payload, values[field.signal])
        return bytes(payload)

    def decode(self, payload: bytes) -> dict[str, float]:
        """Return every field's value by signal name; bytes beyond the layout are left alone.

        Raises ValueError when the payload is too short for the layout, or is not preset as it should be.
        """
        if len(payload) < self.size:
            raise ValueError(
                f"fPort {self.f_port}: expected at least {self.size} bytes, got {len(payload)}"
                + (f" ({payload.hex(' ')})" if payload else "")
            )
        if self.preset and (int.from_bytes(payload[: self.size]) ^ self._preset) & self.fixed:
            expected = self.preset.hex(" ")
            raise ValueError(
                f"fPort {self.f_port}: expected a payload like {expected}, got {payload.hex(' ')}"
            )
        return {field.signal: field.decode(payload) for field in self.fields}

    def is_told_from(self, other: Layout) -> bool:
        """Return whether no payload can be both this one and `other`."""
        size = max(self.size, other.size)
        ours, theirs = 8 * (size - self.size), 8 * (size - other.size)
        both = self.fixed << ours & other.fixed << theirs
        return bool((self._preset << ours ^ other._preset << theirs) & both)

    @property
    def _preset(self) -> int:
        return int.from_bytes(self.preset.ljust(self.size, b"\0"))
