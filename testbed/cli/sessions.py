"""Commands about recorded sessions: `sessions`, `show`, `export`. Results on stdout, errors raised."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json

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
        with _stdout():
            print_json({"sessions": [entry.as_dict() for entry in entries]})
        return
    from .session_tables import print_entries

    with _stdout():
        print_entries(entries)


def show(session: SessionName, as_json: AsJson = False) -> None:
    """Show what a session recorded: verdict, signals, loops, expectations and the last events."""
    from testbed.session.file import SessionReader, find_session, summarize

    path = find_session(session)
    if as_json:
        with _stdout():
            print_json(summarize(path, with_digest=True))
        return
    summary = summarize(path)
    from .session_tables import print_summary

    with _stdout(), SessionReader(path) as reader:
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

    with _stdout(encoding="utf-8"):  # a file for other programs, whatever the terminal's locale
        write_csv(reader, sys.stdout)


@contextlib.contextmanager
def _stdout(encoding: str | None = None) -> Iterator[None]:
    """Print any text in any locale, and let `| head` stop reading without a word from us.

    A closed pipe left to click would end with the exit code of a failed verdict.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding or sys.stdout.encoding, errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # Python flushes once more at exit, to nowhere then
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
