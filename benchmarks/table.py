"""One line of a benchmark: what was measured, beside a peer and a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """A measured value, the same of a peer under the same conditions, and what we aim for.

    `target` is a text for people ("at least 300,000", "at most 50"); `ok` says whether it was met,
    None when there is none. `ratio` is ours over the peer's, None without a peer.
    """

    name: str
    value: float
    unit: str
    peer_name: str = ""
    peer_value: float | None = None
    target: str = ""
    ok: bool | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer_value if self.peer_value else None


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("measured", ">value", "unit", "peer", ">peer's", ">ratio", "target", ""):
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    marks = {True: "[green]ok[/green]", False: "[red]missed[/red]", None: ""}
    for row in rows:
        numbers = (_number(row.peer_value), "" if row.ratio is None else f"{row.ratio:.2f}")
        table.add_row(
            row.name, _number(row.value), row.unit, row.peer_name, *numbers, row.target, marks[row.ok]
        )
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140
    console.print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
