"""The rows that stand on a page of a table: cells and records, read without trusting a byte of them.

Source: SQLite database file format, sections 1.6 (b-tree pages), 2.1 (records) and 1.6 (overflow).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from testbed.session.file.schema import PAGE_SIZE

from .pages import Pages

_HEADER = 100  # bytes of the database's own header, before that of page 1
_LOCAL_MOST = PAGE_SIZE - 35  # bytes of a record that stay on the page when it has no overflow
_LOCAL_LEAST = (PAGE_SIZE - 12) * 32 // 255 - 23
_OVERFLOW = PAGE_SIZE - 4
_NO_LEAF = (0x00, 0x02, 0x0A)
"""First bytes of pages without rows: overflow, freelist, indexes. No flipped bit makes one of a leaf's."""

_INTEGERS = (0, 1, 2, 3, 4, 6, 8)  # bytes by serial type


class NoRecord(Exception):
    """These bytes are no record."""


def rows_of(pages: Pages, number: int) -> Iterator[tuple[Any, ...]]:
    """Yield (rowid, columns after the first) for whatever looks like a row on a page."""
    page = pages.page(number)
    start = _HEADER if number == 1 else 0
    if page[start] in _NO_LEAF:
        return
    (cells,) = struct.unpack_from(">H", page, start + 3)
    cells = min(cells, (PAGE_SIZE - start - 8) // 2)
    for at in struct.unpack_from(f">{cells}H", page, start + 8):
        try:
            yield _row(pages, page, at)
        except (NoRecord, IndexError, struct.error, UnicodeDecodeError):
            continue


def _row(pages: Pages, page: bytes, at: int) -> tuple[Any, ...]:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if size > pages.count * PAGE_SIZE:
        raise NoRecord
    if size <= _LOCAL_MOST:
        payload = page[at : at + size]
    else:
        local = _LOCAL_LEAST + (size - _LOCAL_LEAST) % _OVERFLOW
        local = local if local <= _LOCAL_MOST else _LOCAL_LEAST
        (following,) = struct.unpack_from(">I", page, at + local)
        payload = page[at : at + local] + _overflow(pages, following, size - local)
    if len(payload) != size:
        raise NoRecord
    columns = list(_record(payload))
    if not columns:
        raise NoRecord
    return _signed(rowid), *columns[1:]


def _overflow(pages: Pages, number: int, size: int) -> bytes:
    """Return what a chain of overflow pages holds; a chain that lies is cut short."""
    parts: list[bytes] = []
    while size > 0 and 0 < number <= pages.count and len(parts) <= pages.count:
        page = pages.page(number)
        (number,) = struct.unpack_from(">I", page)
        parts.append(page[4 : 4 + size])
        size -= _OVERFLOW
    return b"".join(parts)


def _record(payload: bytes) -> Iterator[Any]:
    end, at = _varint(payload, 0)
    if end > len(payload):
        raise NoRecord
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        value, body = _value(payload, kind, body)
        yield value
    if body != len(payload):
        raise NoRecord


def _value(payload: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind < len(_INTEGERS):
        end = at + _INTEGERS[kind]
        return (None if kind == 0 else int.from_bytes(payload[at:end], "big", signed=True)), end
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise NoRecord
    end = at + (kind - 12) // 2
    if end > len(payload):
        raise NoRecord
    return (payload[at:end].decode() if kind % 2 else payload[at:end]), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length integer at `at`, and where what follows begins."""
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise NoRecord


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
