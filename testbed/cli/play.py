"""`testbed play`: the devices of a recording at the far ends of real wires."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .emulate import Told, die_with_parent
from .output import print_json
from .sessions import SessionName

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from testbed.bench import Bench
    from testbed.clock import Clock
    from testbed.session.file import SessionReader
    from testbed.session.replay import Say, ScriptParting
    from testbed.session.replay.stage import Stage


def play(
    session: SessionName,
    only: Annotated[
        str, typer.Option("--only", metavar="NAME,...", help="Devices to play.", show_default=True)
    ] = "all",
    json: Annotated[bool, typer.Option("--json", help="Print wires and divergences as JSON lines.")] = False,
    leash: Annotated[bool, typer.Option("--leash", hidden=True)] = False,
) -> None:
    """Play recorded devices once, on real wires, to any controller: print each one's wire and begin.

    What the controller asks and the recording does not hold is not answered, and told.
    """
    import tempfile

    import uvloop

    from testbed.session.emulation import parse_names
    from testbed.session.file import SessionReader, find_session
    from testbed.session.recorded import recorded_bench
    from testbed.session.replay.recording import check_frames

    if leash:
        die_with_parent()
    with (
        SessionReader(find_session(session)) as reader,
        tempfile.TemporaryDirectory(prefix="testbed-") as folder,
    ):
        bench = recorded_bench(reader, Path(folder))
        names = parse_names(only, bench)
        if not leash:
            check_frames(reader, names)
        code = uvloop.run(_play(reader, bench, names, Path(folder), json=json, leash=leash))
    raise typer.Exit(code)


async def _play(
    reader: SessionReader, bench: Bench, names: list[str], folder: Path, *, json: bool, leash: bool
) -> int:
    """Play from start to end; returns the exit code."""
    import asyncio

    from testbed.clock import SystemClock
    from testbed.emulators.places import SystemPlaces
    from testbed.session.replay import sayer
    from testbed.session.replay.stage import Stage

    clock, complete = SystemClock(), asyncio.Event()
    # On a leash our parent puts the bytes into words: here it would hold up the devices.
    partings = _Partings(reader.span()[0], None if leash else sayer(reader), json=json)
    told = Told(names, json=json, complete=complete.set, done="played")
    try:
        stage = Stage(reader, bench, names, clock, partings.add)
        await _first_of(
            stage.hold(SystemPlaces(folder), told.ready, told.failed),
            _conduct(stage, clock, complete, _Orders() if leash else None),
            _interrupted(),
        )
        partings.end(stage.stop())
    finally:
        clock.close()
    return 4 if stage.unable else int(partings.count > 0)


async def _conduct(stage: Stage, clock: Clock, complete: asyncio.Event, orders: _Orders | None) -> None:
    """Start the stage when told to, else once all devices were heard of; return at the end."""
    from testbed.clock import NS

    await complete.wait()
    if orders is None:
        stage.start(clock.now())
        await clock.sleep(stage.lasting_ns / NS)
    elif (at_ns := (await orders.next()).get("start_ns")) is not None:
        stage.start(at_ns)
        await orders.next()


async def _interrupted() -> None:
    """Return when a signal asks this process to end."""
    import asyncio
    import signal

    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


async def _first_of(*work: Coroutine[Any, Any, None]) -> None:
    """Return when one of them ends, with its fault if it has one, and the others have ended too."""
    import asyncio

    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Orders:
    """What our parent tells us on stdin, a JSON object a line; an empty one when it is gone."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None

    async def next(self) -> dict[str, Any]:
        import asyncio
        import json
        import sys

        if self._reader is None:
            reader = self._reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        line = await self._reader.readline()
        found: dict[str, Any] = json.loads(line) if line else {}
        return found


class _Partings:
    """Tells of each divergence at once, and at the end how many there were."""

    def __init__(self, start_ns: int, say: Say | None, *, json: bool) -> None:
        self.count = 0
        self._start_ns = start_ns
        self._say = say
        self._json = json

    def add(self, parting: ScriptParting) -> None:
        self.count += 1
        if self._json:
            print_json(parting.as_dict(self._start_ns, self._say))
        else:
            typer.echo(parting.words(self._start_ns, self._say), err=True)

    def end(self, skipped: dict[str, int]) -> None:
        if self._json:
            print_json({"divergences": self.count, "skipped": skipped})
        else:
            typer.echo("no divergence" if not self.count else f"{self.count} divergences")
