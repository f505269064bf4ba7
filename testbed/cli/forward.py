"""`testbed forward`: sends sessions to InfluxDB, later or while they are recorded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import print_json

if TYPE_CHECKING:
    from testbed.bench import Influxdb
    from testbed.session.forward import Report

_PATIENCE = "5 min"

Name = Annotated[
    list[str],
    typer.Argument(metavar="SESSION...", help="Session files, names of some in ./sessions, or: latest"),
]


def forward(
    sessions: Name,
    url: Annotated[str, typer.Option(help="The server; default: as the session's bench file says.")] = "",
    org: Annotated[str, typer.Option(help="Organization, in InfluxDB 2.")] = "",
    bucket: Annotated[str, typer.Option(help="Bucket; in InfluxDB 1 and 3 the database.")] = "",
    token_from: Annotated[
        str, typer.Option(metavar="NAME", help="Environment variable that holds the token.")
    ] = "",
    ca: Annotated[str, typer.Option(metavar="FILE", help="Certificates to check the server against.")] = "",
    patience: Annotated[
        str, typer.Option(metavar="TIME", help="How long the server may be away before this gives up.")
    ] = _PATIENCE,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    follow: Annotated[bool, typer.Option("--follow", hidden=True)] = False,
) -> None:
    """Send sessions to InfluxDB: what was sent before is not sent again, whatever happened meanwhile.

    Exit code 0: all is stored; 1: the server refused some points for good; 4: it could not be reached.
    """
    import asyncio

    from testbed.bench import Influxdb
    from testbed.session.file import find_session

    given = Influxdb(url, org, bucket, f"${{{token_from}}}" if token_from else "", ca)
    if follow:
        from .forwarding import follow as follow_session

        follow_session(Path(sessions[0]), given)
        return
    seconds = _seconds(patience)
    paths = [find_session(name) for name in sessions]
    targets = [_target(path, given) for path in paths]
    reports = {}
    for path, target in zip(paths, targets, strict=True):
        with _drawn(path.name) as draw:
            reports[path] = asyncio.run(send(path, target, seconds, lambda: False, draw))
    if json:
        print_json({"sessions": [_as_dict(path, report) for path, report in reports.items()]})
    else:
        for path, report in reports.items():
            _print(path, report)
    raise typer.Exit(1 if any(report.asides for report in reports.values()) else 0)


async def send(
    path: Path,
    target: Influxdb,
    patience: float,
    recording: Callable[[], bool],
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Send a session to its end or, as long as `recording()`, what is still to come."""
    from testbed.session.file import SessionReader
    from testbed.session.forward import Forwarder, Influx

    with SessionReader(path) as session:
        async with Influx.open(target) as influx:
            forwarder = Forwarder(session, influx, target, patience=patience, tell=tell, progress=progress)
            return await forwarder.run(recording)


def _target(path: Path, given: Influxdb) -> Influxdb:
    """Return where a session goes: as its bench file says, changed by what was given on the command line."""
    from testbed.bench import Influxdb, influxdb_of
    from testbed.errors import UsageError
    from testbed.session.file import SessionReader

    with SessionReader(path) as session:
        files = [name for name in session.attachments() if name.startswith("bench/")]
        texts = {name: session.attachment(name).decode() for name in files if not name.endswith(".json")}
    of_bench = next(filter(None, (influxdb_of(name, text) for name, text in texts.items())), None)
    target = given.over(of_bench or Influxdb(""))
    if not target.url or not target.bucket:
        raise UsageError(
            f"where is {path} to be sent? Its bench file has no influxdb section",
            "give --url and --bucket, and --token-from where a token is asked for",
        )
    return target.filled_in(os.environ)


def _seconds(text: str) -> float:
    from testbed.bench.units import seconds
    from testbed.errors import UsageError

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"--patience {text}: {error}", "write for example --patience '10 min'") from None


# Telling -----------------------------------------------------------------------------------------


def tell(text: str) -> None:
    """Say something on stderr, whether anybody listens or not."""
    with contextlib.suppress(OSError):
        typer.echo(f"testbed: {text}", err=True)


def _as_dict(path: Path, report: Report) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "session": str(path),
        "points": report.points,
        "samples": report.samples,
        "complete": report.ended,
        "set_aside": [asdict(aside) for aside in report.asides.values()],
    }


def _print(path: Path, report: Report) -> None:
    end = "to its end" if report.ended else "as far as it was recorded (it has no verdict)"
    typer.echo(f"{path}: {report.points:,} points stored, {end}")
    for aside in report.asides.values():
        typer.echo(
            f"  set aside: {aside.points:,} of {aside.what}: {aside.reason}\n    such as {aside.example}"
        )


@contextlib.contextmanager
def _drawn(name: str) -> Iterator[Callable[[Report], None] | None]:
    """Show how far a session has been sent, on a terminal only."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} samples"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(escape(name), total=None)

        def draw(report: Report) -> None:
            what = f"waiting: {report.waiting[:60]}" if report.waiting else name
            progress.update(task, total=report.total, completed=report.samples, description=escape(what))

        yield draw
