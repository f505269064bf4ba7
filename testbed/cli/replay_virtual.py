"""`testbed replay --virtual`: the real drivers fed the recorded bytes, every command compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from .output import print_json, stdout, tell
from .progress import follow_clock, follow_steps

if TYPE_CHECKING:
    from testbed.session.compare import Rules
    from testbed.session.replay import Judgement, WhatIf
    from testbed.signals import Event

_MOST = 20  # divergences that people are shown; after the first ones they follow from each other


def replay_virtual(
    path: Path,
    out: Path,
    *,
    bench: Path | None,
    profiles: Path | None,
    tolerances: Path | None,
    html: Path | None,
    kept: bool,
    json: bool,
) -> NoReturn:
    """Replay the session at `path` into `out`, print what came of it, and exit 0 (same) or 1 (diverged)."""
    import tempfile

    from testbed.session.compare import read_tolerances
    from testbed.session.decode import bench_of
    from testbed.session.file import SessionReader
    from testbed.session.replay import SAME, judge_replay, replay_virtually, what_if

    rules: Rules | None = read_tolerances(tolerances) if tolerances is not None else None
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder, SessionReader(path) as session:
        meant = bench_of(session, Path(folder), bench, profiles)
        start_ns, end_ns = session.span()
        with follow_clock("replaying", (end_ns - start_ns) / 1e9, wanted=not json) as begun:
            replay = replay_virtually(
                session, meant, out, changed=bench is not None, tell=_tell_fault, begun=begun
            )
        with SessionReader(out) as replayed, follow_steps("comparing") as progress:
            judgement = judge_replay(session, replayed, replay, rules, progress)
            if html is not None:
                _draw(judgement, html)
            simulated = None
            if bench is not None:
                recorded = bench_of(session, Path(folder, "recorded"), None, None)
                seconds, seed = (end_ns - start_ns) / 1e9, session.meta().get("seed", 0)
                simulated = what_if(recorded, meant, seconds, seed, Path(folder))
            _print(path, out if kept else None, judgement, simulated, json=json)
    raise typer.Exit(0 if judgement.verdict == SAME else 1)


def _tell_fault(event: Event) -> None:
    """Tell of a driver or a callback that failed: everything else is in the recording already."""
    if event.kind == "fault":
        tell(event)


def _draw(judgement: Judgement, file: Path) -> None:
    from testbed.session.compare import write_html

    with follow_steps("drawing") as progress:
        write_html(judgement.comparison, file, progress)


def _print(
    path: Path, kept: Path | None, judgement: Judgement, simulated: WhatIf | None, *, json: bool
) -> None:
    with stdout():
        if json:
            told = {"recording": str(path), "session": str(kept) if kept else None, **judgement.as_dict()}
            print_json({**told, **({"what_if": simulated.as_dict()} if simulated else {})})
            return
        _print_partings(judgement)
        from .compare_tables import print_comparison

        print_comparison(judgement.comparison, verdict=judgement.verdict)
        if simulated is not None:
            _print_what_if(simulated)
        if kept:
            typer.echo(f"kept as {kept}")


def _print_partings(judgement: Judgement) -> None:
    partings, start_ns = judgement.replay.partings, judgement.replay.start_ns
    for each in partings[:_MOST]:
        typer.echo(each.words(start_ns, judgement.say))
    if len(partings) > _MOST:
        typer.echo(f"... and {len(partings) - _MOST} more")
    if partings:
        typer.echo("")


def _print_what_if(simulated: WhatIf) -> None:
    from .compare_tables import print_findings
    from .tables import as_number, as_text, as_word, make_console, make_table

    console = make_console()
    console.print("\nwhat would have happened (both benches simulated with the plant, from the same start)")
    table = make_table("expectation", "as recorded", ">margin", "changed", ">margin", "unit")
    for each in simulated.expectations:
        before = each["as_recorded"] or {"verdict": "-", "margin": None}
        table.add_row(
            as_text(each["text"]), as_word(before["verdict"]), as_number(before["margin"]),
            as_word(each["verdict"]), as_number(each["margin"]), as_text(each["unit"]),
        )  # fmt: skip
    console.print(table)
    print_findings(simulated.comparison)
