"""`testbed replay`: a recorded session again, and whether it comes out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .sessions import AsJson, SessionName


def replay(
    session: SessionName,
    decode: Annotated[
        bool, typer.Option("--decode", help="Turn the recorded bytes into samples again and compare them.")
    ] = False,
    wire: Annotated[
        bool, typer.Option("--wire", help="Play the recording on real wires, at its own speed, to a run.")
    ] = False,
    bench: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A changed bench file instead of the recorded one.")
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Profiles of the same names instead of the recorded ones."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Where to record what came out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a session: exit 0 when it comes out the same, 1 when it diverges, 3 when it is damaged."""
    from testbed.errors import UsageError
    from testbed.session.file import find_session

    from .replay_decode import replay_decode
    from .replay_wire import replay_wire

    if decode == wire:
        raise UsageError("say which kind of replay", "give one of --decode, --wire")
    path = find_session(session)
    if decode:
        replay_decode(path, bench=bench, profiles=profiles, session=output, json=as_json)
    replay_wire(path, bench=bench, profiles=profiles, session=output, json=as_json)
