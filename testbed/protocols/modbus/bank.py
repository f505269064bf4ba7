"""The registers of a device, made from its values when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .blocks import Block, make_block
from .layout import Layout
from .pdu import ExceptionCode, Refusal
from .registers import RegisterAddress, Table

_SPANS_KEPT = 1024  # a controller asks the same few questions for ever; a scanner asks all of them once


class _Span(NamedTuple):
    """The signals that a run of addresses touches, and where its bytes stand in those of their block."""

    names: tuple[str, ...]
    block: Block
    part: slice
    has_holes: bool


class Bank:
    """Reads and writes of registers as reads and writes of signals by name."""

    def __init__(
        self,
        layout: Layout,
        get: Callable[[Sequence[str]], Sequence[float]],
        put: Callable[[str, float], None],
    ) -> None:
        """Get the values of several signals at once with `get`, in their order, and set one with `put`."""
        self._layout = layout
        self._get = get
        self._put = put
        self._spans: dict[tuple[Table, int, int], _Span] = {}
        self._names: dict[Table, dict[int, tuple[str, ...]]] = {table: {} for table in Table}
        for table, names in self._names.items():
            _fill(names, table, layout)

    def read(self, table: Table, address: int, count: int) -> bytes:
        """Return registers (two bytes each) or bits (eight to a byte); raises Refusal where nothing is."""
        return self.reading(table, address, count)()

    def reading(self, table: Table, address: int, count: int) -> Callable[[], bytes]:
        """Return what reads as `read` does, as often as it is called; raises Refusal where nothing is."""
        text = self._text(table, address, count)
        if text is not None:
            return lambda: text
        names, block, part, _ = self._span(table, address, count)
        get, pack = self._get, block.pack
        return lambda: pack(get(names))[part]

    def _text(self, table: Table, address: int, count: int) -> bytes | None:
        """Return registers that hold a text, or a part of one; None where they do not."""
        settings = self._layout.settings
        for text in settings.texts.values():
            inside = text.number <= address and address + count <= text.number + text.registers
            if text.table is table and inside:
                at = 2 * (address - text.number)
                return text.encode(settings.byte_order)[at : at + 2 * count]
        return None

    def write_registers(self, address: int, data: bytes) -> None:
        """Set holding registers; raises Refusal, and sets none, when one of them cannot be written."""
        span = self._writable_span(Table.HOLDING, address, len(data) // 2)
        self._put_all(span.names, self._changed(span, data))

    def mask_write(self, address: int, keep: int, put: int) -> None:
        """Set the bits of one holding register that are not in `keep` to those of `put` (function 22).

        Raises Refusal, and sets none, when a signal that has such bits cannot be written.
        """
        span = self._span(Table.HOLDING, address, 1)
        touched = [name for name in span.names if self._layout.field(name) & ~keep]
        if not span.names or not self._layout.writable.issuperset(touched):
            raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        present = int.from_bytes(self.read(Table.HOLDING, address, 1), "big")
        wanted = present & keep | put & ~keep & 0xFFFF
        values = self._changed(span, wanted.to_bytes(2, "big"))
        chosen = [(name, value) for name, value in zip(span.names, values, strict=True) if name in touched]
        self._put_all([name for name, _ in chosen], [value for _, value in chosen])

    def _changed(self, span: _Span, data: bytes) -> list[float]:
        """Return what a span's signals are once `data` stands in its addresses."""
        # A controller may write half of a 32-bit value: the other half is as it was.
        image = bytearray(span.block.pack(self._get(span.names)))
        image[span.part] = data
        values = span.block.unpack(bytes(image))
        if not all(math.isfinite(value) for value in values):
            raise Refusal(ExceptionCode.SERVER_DEVICE_FAILURE)
        return values

    def write_coils(self, address: int, bits: Sequence[bool]) -> None:
        """Set coils; raises Refusal, and sets none, when one of them cannot be written."""
        span = self._writable_span(Table.COIL, address, len(bits))
        self._put_all(span.names, [float(bit) for bit in bits])

    def _put_all(self, names: Sequence[str], values: Sequence[float]) -> None:
        for name, value in zip(names, values, strict=True):
            self._put(name, value)

    def _writable_span(self, table: Table, address: int, count: int) -> _Span:
        span = self._span(table, address, count)
        if span.has_holes or not self._layout.writable.issuperset(span.names):
            raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return span

    def _span(self, table: Table, address: int, count: int) -> _Span:
        span = self._spans.get((table, address, count))
        if span is None:
            if len(self._spans) >= _SPANS_KEPT:
                self._spans.clear()
            span = self._spans[(table, address, count)] = self._find(table, address, count)
        return span

    def _find(self, table: Table, address: int, count: int) -> _Span:
        known = self._names[table]
        numbers = range(address, address + count)
        if not all(number in known for number in numbers):
            raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        found = [known[number] for number in numbers]
        names = tuple(dict.fromkeys(name for here in found for name in here))
        places: list[RegisterAddress] = [self._layout.addresses[name] for name in names]
        start = min([address, *(place.number for place in places)])
        end = max([address + count, *(place.number + place.count for place in places)])
        block = make_block(places, start, end - start, table, self._layout.settings)
        part = slice(None) if table.is_bits else slice(2 * (address - start), 2 * (address - start + count))
        return _Span(names, block, part, () in found)


def _fill(names: dict[int, tuple[str, ...]], table: Table, layout: Layout) -> None:
    """Note whose each number of `table` is; nobody's where a hole may be read, as max_gap says."""
    placed = [(name, address) for name, address in layout.addresses.items() if address.table == table]
    # Written signals keep a place that a readback shares: the register is what was written.
    told = {address.place for name, address in placed if name in layout.writable}
    for name, address in sorted(placed, key=lambda each: each[1].shift):
        if name in layout.writable or address.place not in told:
            for number in range(address.number, address.number + address.count):
                names[number] = (*names.get(number, ()), name)
    used = sorted(names)
    for before, after in pairwise(used):
        if after - before - 1 <= layout.settings.max_gap:
            names.update(dict.fromkeys(range(before + 1, after), ()))
