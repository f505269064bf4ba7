"""`testbed export`: a session in a format that another program reads."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TypeVar

import typer

from testbed.errors import UsageError

from .output import stdout
from .progress import follow_time
from .sessions import SessionName

if TYPE_CHECKING:
    from testbed.session.exports import Format
    from testbed.session.file import SessionReader

Word = TypeVar("Word", bound=StrEnum)


def export(
    session: SessionName,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="csv, jsonl, mcap, parquet, perfetto; default: by FILE"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Default: stdout, or a name like the session's"),
    ] = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what", metavar="KIND", help="samples, frames, commands, events, cycles, twin-states"),
    ] = None,
) -> None:
    """Export a session: CSV, JSON lines, MCAP (Foxglove, PlotJuggler), Parquet, or a Perfetto trace."""
    from testbed.session.exports import Kind, check_kinds
    from testbed.session.exports import export as write
    from testbed.session.file import SessionReader, find_session

    chosen = _format(to, output)
    kinds = [_word(Kind, "kind of record", text) for text in what or ()]
    check_kinds(chosen, kinds)
    path = find_session(session)
    with SessionReader(path) as reader:
        if output is None and chosen.is_text:
            with stdout(encoding="utf-8"):  # a file for other programs, whatever the terminal's locale
                write(reader, sys.stdout.buffer, chosen, kinds)
            return
        target = output or _free_name(path, chosen)
        with _written(target, reader) as file, follow_time("exporting", *reader.span()) as progress:
            write(reader, file, chosen, kinds, progress)
    if output is None:
        typer.echo(str(target))


def _format(to: str | None, output: Path | None) -> Format:
    from testbed.session.exports import Format

    if to is not None:
        return _word(Format, "format", to)
    endings = {each.suffix: each for each in Format}
    return endings.get(output.suffix, Format.CSV) if output else Format.CSV


def _word(words: type[Word], what: str, text: str) -> Word:
    from testbed.bench import nearest

    try:
        return words(text)
    except ValueError:
        raise UsageError(f"{text!r} is no {what}", nearest(text, map(str, words))) from None


def _free_name(session: Path, to: Format) -> Path:
    path = Path(session.with_suffix(to.suffix).name)
    if path.exists():
        raise UsageError(f"{path} exists already", "give a file with -o")
    return path


@contextlib.contextmanager
def _written(path: Path, session: SessionReader) -> Iterator[BinaryIO]:
    """Open `path` for writing; it gets its name, in place of an older one, only once it is whole."""
    if path.exists() and path.samefile(session.path):
        raise UsageError(f"{path} is the session itself", "give another file with -o")
    try:
        if path.exists() and not path.is_file():  # a pipe or a device
            with path.open("wb") as file:
                yield file
            return
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                yield file
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "give another file with -o") from error
