"""Commands about recorded sessions: `sessions`, `show`. Results on stdout, errors raised."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import print_json, stdout

SessionName = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="A session file, the name of one in ./sessions, or: latest"),
]

_BENCHES = (".yaml", ".yml")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout")]


def session_of(target: str) -> Path:
    """Return the session that is meant by its name, or by its bench: the newest one of it."""
    from testbed.bench.document import read_document
    from testbed.errors import UsageError
    from testbed.session.file import find_session, list_sessions

    if not target.endswith(_BENCHES):
        return find_session(target)
    name = str(read_document(Path(target)).data.get("bench"))
    for entry in list_sessions(Path("sessions")):
        if entry.path.stem.endswith(f"_{name}"):
            return entry.path
    raise UsageError(f"there is no session of {name} in sessions", f"record one with: testbed run {target}")


def sessions(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to look")] = Path("sessions"),
    as_json: AsJson = False,
) -> None:
    """List the recorded sessions of a folder, newest first."""
    from testbed.session.file import list_sessions

    entries = list_sessions(folder)
    if as_json:
        with stdout():
            print_json({"sessions": [entry.as_dict() for entry in entries]})
        return
    from .session_tables import print_entries

    with stdout():
        print_entries(entries)


def show(session: SessionName, as_json: AsJson = False) -> None:
    """Show what a session recorded: verdict, signals, loops, expectations and the last events."""
    from testbed.session.file import SessionReader, find_session, summarize

    path = find_session(session)
    if as_json:
        with stdout():
            print_json(summarize(path, with_digest=True))
        return
    from .session_tables import print_summary

    with stdout(), SessionReader(path) as reader:
        reader.check_whole()
        summary = summarize(path)
        print_summary(summary, reader.events())
