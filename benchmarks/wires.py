"""What the wires promise: each `wires_*` module here measures one of them."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks
from benchmarks.table import Row, print_table


def measure(quick: bool = False) -> list[Row]:
    """Measure every wire that has numbers."""
    names = sorted(each.name for each in pkgutil.iter_modules(benchmarks.__path__))
    rows: list[Row] = []
    for name in names:
        if name.startswith("wires_"):
            rows += importlib.import_module(f"benchmarks.{name}").measure(quick=quick)
    return rows


if __name__ == "__main__":
    print_table(measure())
