"""`testbed replay`: a recorded session again, and whether it comes out the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from .sessions import AsJson, SessionName


def replay(
    session: SessionName,
    virtual: Annotated[
        bool,
        typer.Option("--virtual", help="The real drivers fed the recorded bytes, in virtual time (default)."),
    ] = False,
    decode: Annotated[
        bool, typer.Option("--decode", help="Turn the recorded bytes into samples again and compare them.")
    ] = False,
    wire: Annotated[
        bool, typer.Option("--wire", help="Emulators play the recording on real wires, at 1x.")
    ] = False,
    bench: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A changed bench against the recorded world (counterfactual)."),
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Profiles of the same names instead of the recorded ones."),
    ] = None,
    tolerances: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="How far values and times may differ, as for testbed compare."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw recording and replay over each other (HTML).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Keep what came out as a session.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a session: exit 0 when it comes out the same, 1 when it diverges, 3 when it is damaged."""
    from testbed.errors import UsageError
    from testbed.session.file import SessionReader, find_session

    kinds = {"--virtual": virtual, "--decode": decode, "--wire": wire}
    chosen = [name for name, wanted in kinds.items() if wanted] or ["--virtual"]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different kinds of replay", "choose one of them")
    (kind,) = chosen
    for option, given in {"--tolerances": tolerances, "--html": html}.items():
        if given is not None and kind != "--virtual":
            raise UsageError(f"{option} is for --virtual, not for {kind}")
    path, kept = find_session(session), output is not None
    with SessionReader(path) as recording:
        recording.check_whole()  # also what is not replayed
        if (recording.meta().get("recovered") or {}).get("missing"):
            typer.echo(f"testbed: {path} was recovered with gaps; a replay diverges at them", err=True)
    if kind == "--decode":
        from .replay_decode import replay_decode

        replay_decode(path, bench=bench, profiles=profiles, session=output, json=as_json)
    with _kept(output) as out:
        if kind == "--wire":
            from .replay_wire import replay_wire

            replay_wire(path, out, bench=bench, profiles=profiles, kept=kept, json=as_json)
        from .replay_virtual import replay_virtual

        replay_virtual(
            path,
            out,
            bench=bench,
            profiles=profiles,
            tolerances=tolerances,
            html=html,
            kept=kept,
            json=as_json,
        )


@contextlib.contextmanager
def _kept(output: Path | None) -> Iterator[Path]:
    """Yield where the replayed run is recorded: `output`, else a file that goes when the block ends."""
    import tempfile

    from testbed.errors import UsageError
    from testbed.session.file import SUFFIX

    if output is None:
        with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
            yield Path(folder) / f"replay{SUFFIX}"
        return
    if output.exists():
        raise UsageError(
            f"{output} exists already, and no recording is ever overwritten", "give another name"
        )
    yield output
