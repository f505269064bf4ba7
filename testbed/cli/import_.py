"""`testbed import`: a recording of another tool becomes a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from testbed.errors import UsageError

from .output import print_json, stdout
from .progress import follow_count
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.imports import Imported


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or MCAP file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="SESSION", help="Default: in sessions/")
    ] = None,
    time: Annotated[str, typer.Option(metavar="COLUMN", help="CSV: the column of times.")] = "",
    time_unit: Annotated[
        str, typer.Option(metavar="UNIT", help="CSV: what the times are in: s, ms, us, ns, min, h or iso.")
    ] = "",
    start: Annotated[
        str,
        typer.Option(metavar="TIME", help="CSV: when times in numbers begin, in ISO 8601; default: 1970."),
    ] = "",
    device: Annotated[
        str, typer.Option(metavar="NAME", help="CSV: the device of columns that name none; default: FILE.")
    ] = "",
    column: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="CSV: read only this one; may be repeated.")
    ] = None,
    delimiter: Annotated[str, typer.Option(metavar="CHARACTER", help="CSV: what parts the cells.")] = "",
    encoding: Annotated[str, typer.Option(metavar="NAME", help="CSV: for example cp1252.")] = "utf-8",
    skip: Annotated[int, typer.Option(min=0, metavar="N", help="CSV: lines before the heads.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a session of another tool's recording (CSV, MCAP): to show, compare, export, or play back."""
    from testbed.session.file import SUFFIX
    from testbed.session.imports import CsvOptions, open_recording, write_session

    options = CsvOptions(
        time=time, time_unit=time_unit, start_ns=_start(start), device=device, columns=tuple(column or ()),
        delimiter=_delimiter(delimiter), encoding=encoding, skip=skip,
    )  # fmt: skip
    session = output or Path("sessions", file.stem + SUFFIX)
    with follow_count("importing", "records") as progress:
        imported = write_session(open_recording(file, options), file, session, progress)
    with stdout():
        if as_json:
            print_json(imported.as_dict())
        else:
            _print(imported)


def _print(imported: Imported) -> None:
    from testbed.session.file import utc_text

    kinds = ("signals", "samples", "frames", "commands", "events", "cycles", "twin states")
    counts = ((getattr(imported, kind.replace(" ", "_")), kind) for kind in kinds)
    told = ", ".join(f"{count:,} {kind[: -1 if count == 1 else None]}" for count, kind in counts if count)
    typer.echo(f"{imported.session}: {told}")
    seconds = (imported.end_ns - imported.start_ns) / 1e9
    typer.echo(f"from {utc_text(imported.start_ns)}, {seconds:.1f} s")
    for each in imported.left_out:
        typer.echo(f"left out: {each}", err=True)


def _start(text: str) -> int:
    from testbed.session.imports import read_iso

    try:
        return read_iso(text) if text else 0
    except ValueError as error:
        raise UsageError(f"--start: {error}") from None


def _delimiter(text: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
        raise UsageError(f"--delimiter {text!r} is no single character", "write for example --delimiter ';'")
    return delimiter
