"""Values of signals and the bytes that hold them: one struct for all that a read brings.

A block is a run of neighbouring addresses of one table. Both sides use it: the driver unpacks what it
read, the emulator packs what it is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Protocol

from testbed.protocols.numbers import raw_converter, to_raw_saturated

from .registers import ModbusSettings, RegisterAddress, Table


class Block(Protocol):
    """Values (in their units, bits as 0.0 and 1.0) to bytes and back, in the order of the addresses."""

    def unpack(self, data: bytes, offset: int = 0) -> list[float]:
        """Return the values in `data`, whose first byte of the block stands at `offset`."""

    def pack(self, values: Sequence[float]) -> bytes:
        """Return the bytes of all addresses of the block, holes as 0."""


def make_block(
    addresses: Sequence[RegisterAddress], start: int, count: int, table: Table, settings: ModbusSettings
) -> Block:
    """Return the block of `count` registers or bits from `start`; `addresses` rise and do not overlap."""
    if table.is_bits:
        return BitBlock([address.number - start for address in addresses], count)
    return RegisterBlock(addresses, start, count, settings)


class BitBlock:
    """Coils or discrete inputs: eight in a byte, the first in the lowest bit (1.1b3, 6.1)."""

    def __init__(self, shifts: Sequence[int], count: int) -> None:
        self._shifts = tuple(shifts)
        self._size = (count + 7) // 8

    def unpack(self, data: bytes, offset: int = 0) -> list[float]:
        """Return 0.0 or 1.0 for each bit."""
        whole = int.from_bytes(data[offset : offset + self._size], "little")
        return [float(whole >> shift & 1) for shift in self._shifts]

    def pack(self, values: Sequence[float]) -> bytes:
        """Return the bits; anything but 0 counts as set."""
        whole = 0
        for shift, value in zip(self._shifts, values, strict=True):
            whole |= (value != 0) << shift
        return whole.to_bytes(self._size, "little")


class RegisterBlock:
    """Input or holding registers."""

    def __init__(
        self, addresses: Sequence[RegisterAddress], start: int, count: int, settings: ModbusSettings
    ) -> None:
        order = ">" if settings.byte_order == "big" else "<"
        self._numbers = [_Number(address, order, settings) for address in addresses]
        self._scales = [address.scale for address in addresses]
        self._mixed = any(number.mixed for number in self._numbers)
        self._direct = not self._mixed and all(
            address.type and address.type.is_float for address in addresses
        )
        codes, at = [], start
        for address, number in zip(addresses, self._numbers, strict=True):
            codes += [f"{2 * (address.number - at)}x", number.code]
            at = address.number + address.count
        self._struct = struct.Struct(order + "".join(codes) + f"{2 * (start + count - at)}x")

    def unpack(self, data: bytes, offset: int = 0) -> list[float]:
        """Return the values; NaN and infinity where the device sent them."""
        raws = self._struct.unpack_from(data, offset)
        if self._mixed:
            raws = tuple(number.unmix(raw) for number, raw in zip(self._numbers, raws, strict=True))
        return [raw * scale for raw, scale in zip(raws, self._scales, strict=True)]

    def pack(self, values: Sequence[float]) -> bytes:
        """Return the registers; what does not fit its type saturates, as it does in a device."""
        if self._direct:
            try:
                scaled = [value / scale for value, scale in zip(values, self._scales, strict=True)]
                return self._struct.pack(*scaled)
            except OverflowError:
                pass  # a float32 cannot hold one of them; below, it saturates
        pairs = zip(self._numbers, values, strict=True)
        return self._struct.pack(*[number.mix(number.saturated(value)) for number, value in pairs])

    def pack_exactly(self, values: Sequence[float]) -> bytes:
        """Return the registers; raises ValueError when a value does not fit its type."""
        pairs = zip(self._numbers, values, strict=True)
        return self._struct.pack(*[number.mix(number.exact(value)) for number, value in pairs])


class _Number:
    """One number of a block: its struct code, or its plain bytes when words and bytes are ordered apart."""

    def __init__(self, address: RegisterAddress, order: str, settings: ModbusSettings) -> None:
        kind = address.type
        assert kind is not None  # noqa: S101  (RegisterAddress checked it)
        self.mixed = address.count > 1 and settings.word_order != settings.byte_order
        self.code = f"{kind.size}s" if self.mixed else kind.code
        self._kind = kind
        self._scale = address.scale
        self._plain = struct.Struct(order + kind.code)
        self.exact = raw_converter(kind, address.scale)
        """Gives the raw number of a value; raises ValueError when it does not fit."""

    def unmix(self, raw: Any) -> Any:
        """Return the number of a struct item, whose words may stand in the other order."""
        return self._plain.unpack(_reverse_words(raw))[0] if self.mixed else raw

    def mix(self, raw: float) -> Any:
        """Return the struct item of a number."""
        return _reverse_words(self._plain.pack(raw)) if self.mixed else raw

    def saturated(self, value: float) -> float:
        """Return the raw number nearest to a value."""
        return to_raw_saturated(self._kind, value, self._scale)


def _reverse_words(data: bytes) -> bytes:
    return b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))
