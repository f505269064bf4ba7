"""Commands about recorded sessions: `sessions`, `show`, `export`. Results on stdout, errors raised."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from testbed.session.file import SessionReader

SessionName = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="A session file, the name of one in ./sessions, or: latest"),
]

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout")]


class Format(StrEnum):
    """What a session can be exported to."""

    CSV = "csv"


def sessions(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to look")] = Path("sessions"),
    as_json: AsJson = False,
) -> None:
    """List the recorded sessions of a folder, newest first."""
    from testbed.session.file import list_sessions

    entries = list_sessions(folder)
    if as_json:
        _print_json({"sessions": [entry.as_dict() for entry in entries]})
        return
    from .session_tables import print_entries

    with _quiet_pipe():
        print_entries(entries)


def show(session: SessionName, as_json: AsJson = False) -> None:
    """Show what a session recorded: verdict, signals, loops, expectations and the last events."""
    from testbed.session.file import SessionReader, find_session, summarize

    path = find_session(session)
    summary = summarize(path)
    if as_json:
        _print_json(summary)
        return
    from .session_tables import print_summary

    with _quiet_pipe(), SessionReader(path) as reader:
        print_summary(summary, reader.events())


def export(
    session: SessionName,
    to: Annotated[Format, typer.Option("--to", help="The format")] = Format.CSV,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Instead of stdout")
    ] = None,
) -> None:
    """Export a session's samples in time order: time_ns,device,signal,value,unit,quality."""
    from testbed.session.file import SessionReader, find_session

    with SessionReader(find_session(session)) as reader:
        if output is None:
            _export_to_stdout(reader)
        else:
            _export_to_file(reader, output)


def _export_to_file(reader: SessionReader, output: Path) -> None:
    from testbed.errors import UsageError
    from testbed.session.file import write_csv

    if output.exists() and output.samefile(reader.path):
        raise UsageError(f"{output} is the session itself", "give another file with -o")
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            write_csv(reader, file)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", "give another file with -o") from error


def _export_to_stdout(reader: SessionReader) -> None:
    from testbed.session.file import write_csv

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # units are no ASCII, whatever the terminal's locale
    with _quiet_pipe():
        write_csv(reader, sys.stdout)


def _print_json(value: dict[str, Any]) -> None:
    with _quiet_pipe():
        sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


@contextlib.contextmanager
def _quiet_pipe() -> Iterator[None]:
    """Let `| head` stop reading without a word from us, also when Python flushes at exit."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
