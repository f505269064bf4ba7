"""What the twins of the demo bench make of changes of its plant, and of nothing: in virtual time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hil_tests.support.plant_changes import CHANGES, Change, Outcome, happen
from hil_tests.support.wrong_commands import CASES, attack

from .table import Row


def measure(quick: bool = False) -> list[Row]:
    rows: list[Row] = []
    for name, change in CHANGES.items():
        rows += _change(name, change, _happen(change))
    lasts = 600.0 if quick else 3540.0
    minutes = (60.0 + lasts) / 60
    normal = _happen(Change(None, lasts))
    rows += [
        Row(
            f"false alarms in {minutes:.0f} min of normal work",
            normal.alarms,
            "",
            ok=normal.alarms == 0,
        ),
        Row("  commands refused or changed", normal.refused, "", ok=normal.refused == 0),
        *(
            Row(
                f"  within 95 % intervals, {path}",
                100 * share,
                "%",
                target="93 to 97",
                ok=93 <= 100 * share <= 97,
            )
            for path, share in normal.coverage.items()
        ),
        *(
            Row(f"  skill of 10 s forecasts against persistence, {twin}", skill, "")
            for twin, skill in normal.skill.items()
        ),
    ]
    return [*rows, _commands()]


def _happen(change: Change) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return happen(change, Path(folder))


def _change(name: str, change: Change, outcome: Outcome) -> list[Row]:
    right = outcome.causes == [change.cause]
    named = " and ".join(outcome.causes) or "nothing"
    return [
        Row(f"{name}: told after", outcome.seen, "s", ok=outcome.seen == outcome.seen),
        Row(f"  named after ({named})", outcome.named, "s", target=change.cause, ok=right),
        Row(f"  found (it is {change.value:.4g})", outcome.found, ""),
        Row("  model in use after", outcome.used, "s", ok=outcome.used == outcome.used),
    ]


def _commands() -> Row:
    broken = 0
    for case in CASES.values():
        with tempfile.TemporaryDirectory() as folder:
            broken += attack(case, Path(folder)).alarm
    return Row(
        f"of {len(CASES)} kinds of wrong commands, limit broken by", broken, "", target="0", ok=broken == 0
    )
