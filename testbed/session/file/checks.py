"""How a row proves that it is the one that was written: a checksum over all that stands in it.

A row as bytes is the MessagePack array (https://github.com/msgpack/msgpack/blob/master/spec.md) of its
table's name and its columns in their order, without `crc`: integers in their shortest form, numbers as
float 64, text as str, blobs as bin, NULL as nil. `crc` is the CRC-32 of these bytes (that of zlib and PNG).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from .schema import columns

_encode = msgspec.msgpack.Encoder().encode


def row_bytes(table: str, row: Sequence[Any]) -> bytes:
    """Return a whole row as bytes, its crc left out."""
    at = _place(table)
    return _encode((table, *row[:at], *row[at + 1 :]))


def seal(table: str, *values: Any) -> tuple[Any, ...]:
    """Return the row of `values` (all columns but crc) with its crc in place."""
    at = _place(table)
    return (*values[:at], zlib.crc32(_encode((table, *values))), *values[at:])


def check(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the row as it is; raises ValueError when it is not as it was written.

    A row without a crc is one of version 1, and cannot be checked.
    """
    crc = row[_place(table)]
    if crc is not None and crc != zlib.crc32(row_bytes(table, row)):
        raise ValueError(f"row {row[0]} of {table} does not match its CRC-32")
    return row


@cache
def _place(table: str) -> int:
    return columns()[table].index("crc")
