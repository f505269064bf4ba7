"""`python -m benchmarks [NAME...] [--quick]`: every number that we promise, beside a peer in the same run."""

from __future__ import annotations

import importlib
import sys

from benchmarks.table import Row, print_table

_ALL = (
    "loops",
    "hub",
    "expectations",
    "recording",
    "killed",
    "forward",
    "exports",
    "startup",
    "virtual",
    "replay",
    "decode",
    "firmware",
    "twin",
    "controllers",
    "wires",
    "web",
)
_LONG = ("soak",)
"""Only by name: it takes ten minutes."""


def main() -> int:
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(_ALL)
    unknown = set(names) - {*_ALL, *_LONG}
    if unknown:
        print(
            f"no benchmark is called {', '.join(sorted(unknown))}; choose from {', '.join((*_ALL, *_LONG))}"
        )
        return 2
    rows: list[Row] = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{name}").measure(quick="--quick" in sys.argv)
    print_table(rows)
    return 1 if any(row.ok is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
