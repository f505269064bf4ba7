"""Values of signals and the bytes that hold them: one struct for all that a read brings.

A block is a run of neighbouring addresses of one table. Both sides use it: the driver unpacks what it
read, the emulator packs what it is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Protocol

from testbed.protocols.numbers import NumberType, raw_converter, to_raw_saturated

from .registers import RegisterAddress, Table
from .settings import ModbusSettings


class Block(Protocol):
    """Values (in their units, bits as 0.0 and 1.0) to bytes and back, in the order of the addresses."""

    def unpack(self, data: bytes, offset: int = 0) -> list[float]:
        """Return the values in `data`, whose first byte of the block stands at `offset`."""

    def pack(self, values: Sequence[float]) -> bytes:
        """Return the bytes of all addresses of the block, holes as 0."""


def make_block(
    addresses: Sequence[RegisterAddress], start: int, count: int, table: Table, settings: ModbusSettings
) -> Block:
    """Return the block of `count` registers or bits from `start`.

    `addresses` rise and do not overlap; bits of one register stand beside each other.
    """
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
        self._scaled = any(scale != 1.0 for scale in self._scales)
        self._mixed = any(number.mixed for number in self._numbers)
        self._fields = any(address.mask for address in addresses)
        self._direct = not self._mixed and all(
            address.type and address.type.is_float for address in addresses
        )
        self._struct, self._items = _struct_of(addresses, self._numbers, start, count, order)

    def unpack(self, data: bytes, offset: int = 0) -> list[float]:
        """Return the values; NaN and infinity where the device sent them."""
        raws = self._struct.unpack_from(data, offset)
        if self._mixed or self._fields:
            items = zip(self._numbers, self._items, strict=True)
            raws = tuple(number.unmix(raws[item]) for number, item in items)
        return [raw * scale for raw, scale in zip(raws, self._scales, strict=True)]

    def pack(self, values: Sequence[float]) -> bytes:
        """Return the registers; what does not fit its type saturates, as it does in a device."""
        if self._direct:
            try:
                if not self._scaled:
                    return self._struct.pack(*values)
                scaled = [value / scale for value, scale in zip(values, self._scales, strict=True)]
                return self._struct.pack(*scaled)
            except OverflowError:
                pass  # a float32 cannot hold one of them; below, it saturates
        pairs = zip(self._numbers, values, strict=True)
        return self._packed([number.mix(number.saturated(value)) for number, value in pairs])

    def pack_exactly(self, values: Sequence[float]) -> bytes:
        """Return the registers; raises ValueError when a value does not fit its type."""
        pairs = zip(self._numbers, values, strict=True)
        return self._packed([number.mix(number.exact(value)) for number, value in pairs])

    def _packed(self, raws: list[Any]) -> bytes:
        if self._fields:
            whole: dict[int, Any] = {}
            for item, raw in zip(self._items, raws, strict=True):
                whole[item] = whole[item] | raw if item in whole else raw
            raws = list(whole.values())
        return self._struct.pack(*raws)


def _struct_of(
    addresses: Sequence[RegisterAddress], numbers: Sequence[_Number], start: int, count: int, order: str
) -> tuple[struct.Struct, list[int]]:
    """Return the struct of a run of registers, and which of its items holds each address."""
    codes, items, at = [], list[int](), start
    for address, number in zip(addresses, numbers, strict=True):
        if address.number >= at:
            codes += [f"{2 * (address.number - at)}x", number.code]
            at = address.number + address.count
            items.append(items[-1] + 1 if items else 0)
        else:  # other bits of the register before
            items.append(items[-1])
    return struct.Struct(order + "".join(codes) + f"{2 * (start + count - at)}x"), items


class _Number:
    """One number of a block: its struct code, or its plain bytes when words and bytes are ordered apart.

    A number that is bits of a register is moved to their place and cut to their width.
    """

    def __init__(self, address: RegisterAddress, order: str, settings: ModbusSettings) -> None:
        self._kind = kind = address.type or NumberType.UINT16
        self.mixed = address.count > 1 and settings.word_order != settings.byte_order
        self.code = f"{kind.size}s" if self.mixed else kind.code
        self._scale = address.scale
        self._shift = address.shift
        self._mask = address.mask
        self._plain = struct.Struct(order + kind.code)
        self._exact = raw_converter(kind, address.scale)

    def unmix(self, raw: Any) -> Any:
        """Return the number of a struct item, whose words may stand in the other order."""
        if self._mask:
            return raw >> self._shift & self._mask
        return self._plain.unpack(_reverse_words(raw))[0] if self.mixed else raw

    def mix(self, raw: Any) -> Any:
        """Return the struct item of a number."""
        if self._mask:
            return raw << self._shift
        return _reverse_words(self._plain.pack(raw)) if self.mixed else raw

    def exact(self, value: float) -> float | int:
        """Return the raw number of a value; raises ValueError when it does not fit."""
        raw = self._exact(value)
        if self._mask and raw > self._mask:
            raise ValueError(f"{value:g} does not fit {self._mask.bit_length()} bits, 0 to {self._mask}")
        return raw

    def saturated(self, value: float) -> float:
        """Return the raw number nearest to a value."""
        raw = to_raw_saturated(self._kind, value, self._scale)
        return min(raw, self._mask) if self._mask else raw


def _reverse_words(data: bytes) -> bytes:
    return b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))
