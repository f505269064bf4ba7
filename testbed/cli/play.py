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

    from testbed.bench import Bench
    from testbed.clock import Clock
    from testbed.emulators.played import PlayedDevice
    from testbed.session.file import SessionReader
    from testbed.session.replay import ScriptParting


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

    if leash:
        die_with_parent()
    with (
        SessionReader(find_session(session)) as reader,
        tempfile.TemporaryDirectory(prefix="testbed-") as folder,
    ):
        bench = recorded_bench(reader, Path(folder))
        names = parse_names(only, bench)
        parted = uvloop.run(_play(reader, bench, names, Path(folder), json=json, leash=leash))
    raise typer.Exit(1 if parted and not leash else 0)


async def _play(
    reader: SessionReader, bench: Bench, names: list[str], folder: Path, *, json: bool, leash: bool
) -> bool:
    """Play from start to end; returns whether the controller left the recording."""
    import asyncio
    import signal

    from testbed.clock import SystemClock
    from testbed.emulators.places import SystemPlaces
    from testbed.emulators.played import play_devices
    from testbed.session.replay.played import played_devices

    clock = SystemClock()
    answering, stop = asyncio.Event(), asyncio.Event()
    partings = _Partings(reader.span()[0], json=json)
    devices = played_devices(reader, bench, names, clock, partings.add)
    told = Told(names, json=json, complete=answering.set)
    loop = asyncio.get_running_loop()
    faults: asyncio.Future[None] = loop.create_future()
    loop.set_exception_handler(lambda loop, context: _note_fault(faults, context))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    places = SystemPlaces(folder)
    tasks = [
        asyncio.create_task(play_devices(devices, clock, places, told.ready, told.failed), name="play"),
        asyncio.create_task(_conduct(reader, devices, clock, answering, leash=leash), name="conduct"),
        asyncio.create_task(_until(stop), name="signals"),
    ]
    try:
        done, _ = await asyncio.wait([*tasks, faults], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for each in devices:
            each.player.stop()
        partings.end({each.device.name: each.player.skipped for each in devices})
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        clock.close()
    return partings.count > 0


def _note_fault(faults: asyncio.Future[None], context: dict[str, Any]) -> None:
    """End the whole command with the first fault of a callback: what it did not play would be blamed."""
    error = context.get("exception")
    if isinstance(error, Exception) and not faults.done():
        faults.set_exception(error)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _conduct(
    reader: SessionReader, devices: list[PlayedDevice], clock: Clock, answering: asyncio.Event, *, leash: bool
) -> None:
    """Start the players when told to (on a leash), else once all devices answer; return at the end."""
    from testbed.clock import NS

    start_ns, end_ns = reader.span()
    await answering.wait()
    orders = _Orders() if leash else None
    at_ns = clock.now() if orders is None else (await orders.next()).get("start_ns")
    if at_ns is None:
        return
    for each in devices:
        each.player.start(start_ns, at_ns)
    if orders is None:
        await clock.sleep((end_ns - start_ns) / NS)
    else:
        await orders.next()


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

    def __init__(self, start_ns: int, *, json: bool) -> None:
        self.count = 0
        self._start_ns = start_ns
        self._json = json

    def add(self, parting: ScriptParting) -> None:
        self.count += 1
        if self._json:
            print_json(parting.as_dict(self._start_ns))
        else:
            typer.echo(parting.words(self._start_ns), err=True)

    def end(self, skipped: dict[str, int]) -> None:
        if self._json:
            print_json({"divergences": self.count, "skipped": skipped})
        else:
            typer.echo(f"{self.count} divergences")
