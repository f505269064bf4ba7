"""`testbed replay --wire`: the recording on real wires, and a run against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .output import print_json, tell

if TYPE_CHECKING:
    from testbed.session.replay import Say, WireReplay


def replay_wire(
    path: Path, *, bench: Path | None, profiles: Path | None, session: Path | None, json: bool
) -> None:
    """Replay the session at `path`, print what came of it; exits 0 (same), 1 (diverged) or 4 (not played)."""
    from functools import partial

    import uvloop

    from testbed.errors import UsageError
    from testbed.session.decode import bench_of
    from testbed.session.file import SessionReader
    from testbed.session.replay import replay_on_wires, sayer

    from .run import default_path, spare_the_collector, stop_on_signals

    into = session or default_path(f"{path.stem}_replay")
    if into.exists():  # said before anything is started; the writer makes sure of it
        raise UsageError(f"{into} exists already, and no recording is ever overwritten", "give another name")
    spare_the_collector()
    found = uvloop.run(
        replay_on_wires(
            path,
            into,
            choose=partial(bench_of, file=bench, profiles=profiles),
            tell=tell,
            begun=lambda run: stop_on_signals(run.stop),
        )
    )
    with SessionReader(path) as reader:
        if json:
            print_json(_as_dict(path, found, sayer(reader)))
        else:
            _print(found, sayer(reader))
    if found.failed:
        raise typer.Exit(4)
    raise typer.Exit(0 if found.same else 1)


def _as_dict(recording: Path, found: WireReplay, say: Say) -> dict[str, object]:
    return {
        "recording": str(recording),
        "session": str(found.path),
        "verdict": found.verdict.value,
        "same": found.same,
        "complete": found.complete,
        "divergences": [each.as_dict(found.start_ns, say) for each in found.partings],
        "heard": {path: each.as_dict(values=True) for path, each in found.heard.items()},
        "skipped": found.skipped,
        "not_played": found.failed,
        **({"recording_failure": found.recording_failure} if found.recording_failure else {}),
    }


_MOST = 20  # divergences that people are shown; after the first ones they follow from each other


def _print(found: WireReplay, say: Say) -> None:
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
    typer.echo(f"{'same' if found.same else 'diverged'}{left_out}; recorded in {found.path}")
