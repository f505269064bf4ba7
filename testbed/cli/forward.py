"""`testbed forward`: sends sessions to InfluxDB, later or while they are recorded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import print_json

if TYPE_CHECKING:
    from testbed.bench import Bench, Influxdb
    from testbed.session.forward import Report

_PATIENCE = "5 min"
_FILE_PATIENCE = 10.0  # s until the session of a run appears
_ORPHAN_PATIENCE = 60.0  # s that a forwarder whose controller is gone waits for the server
_LAST_WORDS = 5.0  # s that a run, when it has ended, waits for its forwarder

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
    from testbed.bench import Influxdb
    from testbed.session.file import find_session

    given = Influxdb(url, org, bucket, f"${{{token_from}}}" if token_from else "", ca)
    if follow:
        _follow(Path(sessions[0]), given)
        return
    seconds = _seconds(patience)
    paths = [find_session(name) for name in sessions]
    targets = [_target(path, given) for path in paths]
    reports = {}
    for path, target in zip(paths, targets, strict=True):
        with _drawn(path.name) as draw:
            reports[path] = asyncio.run(_forward(path, target, seconds, lambda: False, draw))
    if json:
        print_json({"sessions": [_as_dict(path, report) for path, report in reports.items()]})
    else:
        for path, report in reports.items():
            _print(path, report)
    raise typer.Exit(1 if any(report.asides for report in reports.values()) else 0)


async def _forward(
    path: Path,
    target: Influxdb,
    patience: float,
    recording: Callable[[], bool],
    progress: Callable[[Report], None],
) -> Report:
    from testbed.session.file import SessionReader
    from testbed.session.forward import Forwarder, Influx

    with SessionReader(path) as session:
        async with Influx.open(target) as influx:
            forwarder = Forwarder(session, influx, target, patience=patience, tell=_tell, progress=progress)
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


# While a run is going on -------------------------------------------------------------------------


@contextlib.contextmanager
def forwarding(path: Path, bench: Bench, *, wanted: bool) -> Iterator[None]:
    """Forward the session at `path` while the block runs, in a process of its own that reads the file.

    So nothing that a server or a network does can reach the control path. What has not been sent when
    the run has ended is named; it stays in the session file.
    """
    if not wanted or bench.influxdb is None:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "testbed", "forward", "--follow", str(path), *_options(bench.influxdb)],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LAST_WORDS)
    finally:
        process.terminate()  # it notes how far it came and ends
        if process.wait():
            _tell(f"not everything was forwarded; send the rest with: testbed forward {path}")


def _options(target: Influxdb) -> Iterator[str]:
    """Yield the options for a target; the token goes by the name of its variable."""
    for key in ("url", "org", "bucket", "ca"):
        if text := getattr(target, key):
            yield from (f"--{key}", text)
    if target.token:
        yield from ("--token-from", target.token.strip("${}"))


def _follow(path: Path, given: Influxdb) -> None:
    """Forward a session until it has ended, or its controller is gone and all it committed is sent."""
    import signal
    import time

    from testbed.session.forward import Bookmark

    # Ctrl-C reaches the whole terminal: the run ends by it, and we when we have sent its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    controller = os.getppid()
    target = given.filled_in(os.environ)

    def recording() -> bool:
        return os.getppid() == controller

    deadline = time.monotonic() + _FILE_PATIENCE
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > deadline or not recording():
            return  # the run did not begin
        time.sleep(0.05)  # a process of its own, with nothing else to do meanwhile

    async def main() -> bool:
        task = asyncio.ensure_future(_forward(path, target, _ORPHAN_PATIENCE, recording, lambda report: None))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return (await task).ended
        except asyncio.CancelledError:
            return False

    ended = asyncio.run(main())
    if ended:
        Bookmark(path, "").settle()
    raise typer.Exit(0 if ended else 1)


# Telling -----------------------------------------------------------------------------------------


def _tell(text: str) -> None:
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
def _drawn(name: str) -> Iterator[Callable[[Report], None]]:
    """Show how far a session has been sent, on a terminal only."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda report: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} samples"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(escape(name), total=None)

        def draw(report: Report) -> None:
            what = f"waiting: {report.waiting[:60]}" if report.waiting else name
            progress.update(task, total=report.total, completed=report.samples, description=escape(what))

        yield draw
