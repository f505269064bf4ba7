"""What would have happened: the recorded bench and a changed one, each with its plant, in virtual time.

A replay against the recorded world tells where commands part, but the world does not answer them. With a
plant both benches are run anew from the same start and the same chance, so what differs is the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.bench import Bench
from testbed.session.compare import Comparison, Kind, Rules, SessionRecording, compare
from testbed.session.file import SUFFIX, SessionReader
from testbed.session.run import RunVerdict
from testbed.session.virtual import run_virtually


@dataclass(frozen=True)
class WhatIf:
    """The two simulated runs beside each other."""

    as_recorded: RunVerdict
    changed: RunVerdict
    expectations: list[dict[str, Any]]
    """Of the changed bench, each with `as_recorded`: verdict and margin of the same one there, if any."""
    comparison: Comparison

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "as_recorded": self.as_recorded.value,
            "changed": self.changed.value,
            "expectations": self.expectations,
            "signals": self.comparison.as_dict()["signals"],
        }


def what_if(recorded: Bench, changed: Bench, seconds: float, seed: int, folder: Path) -> WhatIf | None:
    """Simulate both benches for `seconds` into sessions in `folder`; None when they have no plant."""
    if recorded.plant is None or changed.plant is None:
        return None
    paths = folder / f"as-recorded{SUFFIX}", folder / f"changed{SUFFIX}"
    as_recorded, after = (
        run_virtually(bench, path, seconds, seed=seed, tell=lambda event: None)[0]
        for bench, path in zip((recorded, changed), paths, strict=True)
    )
    with SessionReader(paths[0]) as first, SessionReader(paths[1]) as second:
        rules = Rules(within_ns=round(1e9), kinds=frozenset({Kind.SAMPLES}))
        found = compare(SessionRecording(first), SessionRecording(second), rules)
        before = {each["text"]: each for each in first.expectations()}
        expectations = [
            {**each, "as_recorded": _short(before.get(each["text"]))} for each in second.expectations()
        ]
    return WhatIf(as_recorded, after, expectations, found)


def _short(expectation: dict[str, Any] | None) -> dict[str, Any] | None:
    return expectation and {key: expectation[key] for key in ("verdict", "margin")}
