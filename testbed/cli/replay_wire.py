"""`testbed replay --wire`: the recording on real wires, and a run against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from .output import print_json, tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from testbed.clock import Clock
    from testbed.session.replay import Say, WireReplay
    from testbed.session.run import Run


def replay_wire(
    path: Path, into: Path, *, bench: Path | None, profiles: Path | None, kept: bool, json: bool
) -> NoReturn:
    """Replay the session at `path` into `into`, print what came of it; exits 0 (same), 1 (diverged) or 4."""
    from functools import partial

    import uvloop

    from testbed.session.decode import bench_of
    from testbed.session.file import SessionReader
    from testbed.session.replay import replay_on_wires, sayer

    from .run import spare_the_collector, stop_on_signals

    spare_the_collector()
    with _following(path, wanted=not json) as follow:

        def begun(run: Run, clock: Clock) -> None:
            stop_on_signals(run.stop)
            follow(clock)

        choose = partial(bench_of, file=bench, profiles=profiles)
        found = uvloop.run(replay_on_wires(path, into, choose=choose, tell=tell, begun=begun))
    with SessionReader(path) as reader:
        if json:
            print_json(_as_dict(path, found, sayer(reader), kept=kept))
        else:
            _print(found, sayer(reader), kept=kept)
    if found.failed:
        raise typer.Exit(4)
    raise typer.Exit(0 if found.same else 1)


def _following(path: Path, *, wanted: bool) -> AbstractContextManager[Callable[[Clock], None]]:
    """Show on a terminal how far the replay has come."""
    from testbed.clock import NS
    from testbed.session.file import SessionReader
    from testbed.session.replay.recording import span_of

    from .progress import follow_clock

    with SessionReader(path) as reader:
        start_ns, stopped_ns = span_of(reader)
    return follow_clock(f"{path.stem} on wires", (stopped_ns - start_ns) / NS, wanted=wanted)


def _as_dict(recording: Path, found: WireReplay, say: Say, *, kept: bool) -> dict[str, object]:
    first = found.partings[0].as_dict(found.start_ns, say) if found.partings else None
    return {
        "recording": str(recording),
        "session": str(found.path) if kept else None,
        "verdict": "same" if found.same else "diverged",
        "first": first,
        "run": found.verdict.value,
        "complete": found.complete,
        "divergences": [
            each.as_dict(found.start_ns, say if number < _SAID else None)
            for number, each in enumerate(found.partings)
        ],
        "heard": {path: each.as_dict(values=True) for path, each in found.heard.items()},
        "skipped": found.skipped,
        "not_played": found.failed,
        **({"recording_failure": found.recording_failure} if found.recording_failure else {}),
    }


_SAID = 200  # divergences whose bytes are put into words, of which each takes some milliseconds
_MOST = 20  # divergences that people are shown; after the first ones they follow from each other


def _print(found: WireReplay, say: Say, *, kept: bool) -> None:
    from testbed.session.replay.heard import departs

    for each in found.partings[:_MOST]:
        typer.echo(each.words(found.start_ns, say))
    if len(found.partings) > _MOST:
        typer.echo(f"... and {len(found.partings) - _MOST} more")
    for path, heard in found.heard.items():
        if departs(heard):
            count = max(heard.extra, heard.b_differing)
            typer.echo(f"{path}: {count} of {heard.b} samples are not in the recording")
    for name, reason in found.failed.items():
        typer.echo(f"{name} was not played: {reason}")
    if not found.complete:
        typer.echo("the replay ended before the recording did")
    skipped = sum(found.skipped.values())
    left_out = f"; {skipped} polls and cycles were left out, as on a busy machine" if skipped else ""
    where = f"; kept as {found.path}" if kept else ""
    typer.echo(f"{'same' if found.same else 'diverged'}{left_out}{where}")
