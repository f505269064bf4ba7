"""`testbed recover`: save what is whole of a damaged session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json

if TYPE_CHECKING:
    from testbed.session.recovery import Recovery

_DAMAGED = 3


def recover(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A damaged session, or one of a killed run")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="The new session; default: beside it"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout")] = False,
) -> None:
    """Save what is whole of a damaged session into a new one, and say what is missing (exit code 3)."""
    from testbed.session.file import SUFFIX
    from testbed.session.recovery import recover as save

    from .progress import follow_steps

    saved = output or file.with_name(f"{file.name.removesuffix(SUFFIX)}.recovered{SUFFIX}")
    with follow_steps(f"reading {file}") as told:
        recovery = save(file, saved, told)
    if as_json:
        print_json(recovery.as_dict())
    else:
        _print(recovery)
    raise typer.Exit(0 if recovery.whole else _DAMAGED)


def _print(recovery: Recovery) -> None:
    from .tables import as_text, make_console, make_table

    console = make_console()
    for damage in recovery.damage:
        console.print(as_text(f"damaged: {damage}"))
    for lost in recovery.lost:
        console.print(as_text(f"missing: {lost}"))
    table = make_table("", ">saved", ">missing", "between (UTC)")
    for name, kept in recovery.kept.items():
        missing = sum(gap.count for gap in kept.gaps)
        spans = ", ".join(f"{_clock(gap.after_ns)} and {_clock(gap.before_ns)}" for gap in kept.gaps)
        table.add_row(as_text(name), f"{kept.count:,}", f"{missing:,}" if missing else "", spans)
    console.print(table)
    word = "whole" if recovery.whole else "with gaps"
    typer.echo(f"\nsaved in {recovery.saved}, {word}")


def _clock(time_ns: int | None) -> str:
    """Return the time of day to the millisecond."""
    from datetime import UTC, datetime

    if time_ns is None:
        return "?"
    return datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
