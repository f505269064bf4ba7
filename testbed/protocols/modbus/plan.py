"""Which requests read which signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .blocks import Block, make_block
from .layout import Layout
from .pdu import READ_FUNCTIONS, Transaction, read
from .registers import RegisterAddress, Table


@dataclass(frozen=True)
class PlannedRead:
    """One request, repeated each `period_ns`, and the signals that its response holds, in order."""

    table: Table
    start: int
    count: int
    period_ns: int
    names: tuple[str, ...]
    block: Block = field(repr=False)

    @property
    def transaction(self) -> Transaction:
        """The request and what its response must look like."""
        return read(READ_FUNCTIONS[self.table], self.start, self.count)

    def __str__(self) -> str:
        last = self.start + self.count - 1
        return f"{self.table} {self.start}" + (f" to {last}" if self.count > 1 else "")


def plan_reads(layout: Layout, periods: Mapping[str, int]) -> list[PlannedRead]:
    """Return the reads for the signals in `periods` (name to ns).

    Neighbours of one table and one period share a request, across holes of at most `max_gap` addresses.
    No request is longer than the profile's `max_read` and `max_read_bits` allow, and a value of several
    registers is never torn: its halves would come from two moments.
    """
    groups: dict[tuple[Table, int], list[str]] = {}
    for name, period_ns in periods.items():
        groups.setdefault((layout.addresses[name].table, period_ns), []).append(name)
    return [
        _planned(layout, table, period_ns, run)
        for (table, period_ns), names in groups.items()
        for run in _runs(layout, table, names)
    ]


def _runs(layout: Layout, table: Table, names: list[str]) -> list[list[str]]:
    """Split signals of one table, sorted by address, wherever one request cannot hold them."""
    limit = layout.settings.max_read_bits if table.is_bits else layout.settings.max_read
    runs: list[list[str]] = []
    start = end = 0
    for name in sorted(names, key=lambda name: (layout.addresses[name].number, layout.addresses[name].shift)):
        address = layout.addresses[name]
        after = address.number + address.count
        if runs and address.number - end <= layout.settings.max_gap and after - start <= limit:
            runs[-1].append(name)
            end = max(end, after)
        else:
            runs.append([name])
            start, end = address.number, after
    return runs


def _planned(layout: Layout, table: Table, period_ns: int, names: list[str]) -> PlannedRead:
    places: list[RegisterAddress] = [layout.addresses[name] for name in names]
    start = places[0].number
    count = places[-1].number + places[-1].count - start
    block = make_block(places, start, count, table, layout.settings)
    return PlannedRead(table, start, count, period_ns, tuple(names), block)
