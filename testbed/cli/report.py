"""`testbed report`: one page a run, to look at and to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json, stdout
from .progress import follow_steps
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.report import Report


def report(
    sessions: Annotated[
        list[str],
        typer.Argument(metavar="SESSION...", help="Session files, names of some in ./sessions, or: latest"),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write the page (HTML)")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML too.")
    ] = None,
    requirements: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A list of requirements (.md or .csv) to trace")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What stands at the top of the page")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what sessions came to: verdicts, plots, margins, timing, devices, in one file (HTML)."""
    from testbed.session.file import find_session
    from testbed.session.report import Report, entry_of, read_requirements, write_html, write_junit

    _check(output, junit, as_json)
    listed = read_requirements(requirements) if requirements is not None else []
    entries = [entry_of(find_session(name)) for name in sessions]
    found = Report(title or _title(entries[0].result.name, len(entries)), entries, listed)
    if output is not None:
        with follow_steps("drawing") as progress:
            write_html(found, output, progress)
    if junit is not None:
        write_junit(found, junit)
    with stdout():
        if as_json:
            print_json(found.as_dict())
        else:
            _print(found, [file for file in (output, junit) if file is not None])


def _check(output: Path | None, junit: Path | None, as_json: bool) -> None:
    from testbed.errors import UsageError

    if output is None and junit is None and not as_json:
        raise UsageError("nothing says where the report goes", "write for example: -o report.html")


def _title(first: str, count: int) -> str:
    return first if count == 1 else f"{count} tests"


def _print(found: Report, files: list[Path]) -> None:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.counts.items() if count)
    typer.echo(f"{found.verdict}: {counts}; written to {', '.join(map(str, files))}")
