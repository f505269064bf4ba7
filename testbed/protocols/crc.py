"""Cyclic redundancy checks by the parameters of their catalogue.

The model is that of R. Williams, "A painless guide to CRC error detection algorithms" (1993); names
and check values are those of the RevEng catalogue, https://reveng.sourceforge.io/crc-catalogue/.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Crc:
    """One algorithm; call it with bytes to get their CRC.

    `width` is in bits (8 to 64), `poly` without its top bit, `init` and `xorout` as in the catalogue,
    `refin` and `refout` say whether bits go in and come out lowest first, `check` is the CRC of the
    ASCII digits 123456789.
    """

    name: str
    width: int
    poly: int
    init: int
    refin: bool
    refout: bool
    xorout: int
    check: int
    native: Callable[[bytes], int] | None = None
    """The same algorithm in C, where Python brings it: no loop over bytes on the hot path."""

    @cached_property
    def size(self) -> int:
        """Bytes that it takes in a frame."""
        return (self.width + 7) // 8

    def __call__(self, data: bytes) -> int:
        """Return the CRC of `data`."""
        return self.native(data) if self.native is not None else self.by_table(data)

    def by_table(self, data: bytes) -> int:
        """Return the CRC of `data`, a byte at a time by table."""
        table = self._table
        if self.refin:
            register = _reflect(self.init, self.width)
            for byte in data:
                register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
        else:
            register, shift, mask = self.init, self.width - 8, (1 << self.width) - 1
            for byte in data:
                register = table[(register >> shift ^ byte) & 0xFF] ^ (register << 8 & mask)
        if self.refin != self.refout:
            register = _reflect(register, self.width)
        return register ^ self.xorout

    @cached_property
    def _table(self) -> tuple[int, ...]:
        return tuple(self._entry(byte) for byte in range(256))

    def _entry(self, byte: int) -> int:
        """Return what the register becomes when `byte` has passed through it alone."""
        if self.refin:
            poly = _reflect(self.poly, self.width)
            for _ in range(8):
                byte = byte >> 1 ^ (poly if byte & 1 else 0)
            return byte
        top, mask = 1 << (self.width - 1), (1 << self.width) - 1
        register = byte << (self.width - 8)
        for _ in range(8):
            register = (register << 1 ^ (self.poly if register & top else 0)) & mask
        return register


def _reflect(value: int, width: int) -> int:
    """Return the lowest `width` bits of `value` in reverse order."""
    return int(f"{value:0{width}b}"[::-1], 2)


_CATALOGUE = (
    Crc("crc8-smbus", 8, 0x07, 0x00, False, False, 0x00, 0xF4),
    # RevEng lists it as CRC-16/IBM-3740; crc_hqx is its polynomial from any start value.
    Crc(
        "crc16-ccitt-false", 16, 0x1021, 0xFFFF, False, False, 0, 0x29B1,
        lambda data: binascii.crc_hqx(data, 0xFFFF),
    ),
    Crc("crc16-xmodem", 16, 0x1021, 0x0000, False, False, 0, 0x31C3, lambda data: binascii.crc_hqx(data, 0)),
    Crc("crc16-kermit", 16, 0x1021, 0x0000, True, True, 0x0000, 0x2189),
    Crc("crc16-modbus", 16, 0x8005, 0xFFFF, True, True, 0x0000, 0x4B37),
    Crc("crc32", 32, 0x04C11DB7, 0xFFFFFFFF, True, True, 0xFFFFFFFF, 0xCBF43926, zlib.crc32),
)  # fmt: skip

CATALOGUE: dict[str, Crc] = {crc.name: crc for crc in _CATALOGUE}
"""The algorithms by the names that profiles use."""
