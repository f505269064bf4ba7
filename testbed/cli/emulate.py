"""`testbed emulate`: the emulated devices alone, on real wires."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bench import BenchFile, read_bench
from .output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bench import Bench
    from testbed.clock import Clock
    from testbed.emulators.breaking import Orders
    from testbed.plants import Plant
    from testbed.signals import Event


def emulate(
    file: BenchFile,
    only: Annotated[
        str, typer.Option("--only", metavar="NAME,...", help="Devices to emulate.", show_default=True)
    ] = "all",
    seed: Annotated[int | None, typer.Option(help="Seed of noise and chance; default: the bench's.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the wires as one JSON line, then events.")
    ] = False,
    leash: Annotated[bool, typer.Option("--leash", hidden=True)] = False,
) -> None:
    """Emulate devices of a bench: print each one's wire once all are ready, serve until interrupted."""
    import contextlib

    import uvloop

    from testbed.session.emulation import parse_names
    from testbed.session.plant import make_plant

    if leash:
        die_with_parent()
    bench = read_bench(file)
    names = parse_names(only, bench)
    plant = make_plant(bench)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(bench, plant, names, bench.seed if seed is None else seed, json=json, orders=leash))


async def _serve(
    bench: Bench, plant: Plant | None, names: list[str], seed: int, *, json: bool, orders: bool
) -> None:
    import asyncio
    import signal
    import tempfile

    from testbed.clock import Seeds, SystemClock
    from testbed.emulators.bench import emulate_bench
    from testbed.emulators.breaking import Orders
    from testbed.emulators.places import SystemPlaces

    def serving() -> None:
        if not json:
            typer.echo("serving until interrupted (Ctrl-C)", err=True)

    told = Told(names, json=json, complete=serving)
    loop = asyncio.get_running_loop()
    todo = Orders()
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        task = asyncio.ensure_future(
            emulate_bench(
                bench,
                plant,
                names,
                clock,
                Seeds(seed),
                SystemPlaces(Path(folder)),
                told.ready,
                told.failed,
                told.event,
                todo,
            )
        )
        obedience = asyncio.ensure_future(_obey(todo, clock, told)) if orders else None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
            raise typer.Exit(4)  # only when nothing at all could be emulated
        except asyncio.CancelledError:
            pass
        finally:
            if obedience is not None:
                obedience.cancel()
                await asyncio.gather(obedience, return_exceptions=True)
            clock.close()


async def _obey(todo: Orders, clock: Clock, told: Told) -> None:
    """Have the orders carried out that come on stdin as JSON lines, to its end."""
    import asyncio
    import os
    import stat
    import sys

    from testbed.emulators.breaking import order_of
    from testbed.errors import UsageError
    from testbed.signals import Event, Level

    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        async for line in reader:
            try:
                todo.put(order_of(line))
            except UsageError as error:
                told.event(Event(clock.now(), Level.WARNING, "emulate", "order", str(error)))
    finally:
        transport.close()


class Told:
    """Gathers the devices as they get ready and prints them once, when the last one has been heard of."""

    def __init__(
        self,
        names: list[str],
        *,
        json: bool,
        complete: Callable[[], None] = lambda: None,
        done: str = "emulated",
    ) -> None:
        """Print for `names`; `complete` is called after that. `done` is what was to be done with them."""
        self._names = names
        self._complete = complete
        self._done = done
        self._json = json
        self._wires: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._printed = False
        self._kept: list[Event] = []

    def ready(self, name: str, wire: str) -> None:
        """Hear of a device that answers at a wire."""
        self._wires[name] = wire
        self._print_if_complete()

    def failed(self, name: str, reason: str) -> None:
        """Hear of a device that cannot answer."""
        self._failed[name] = reason
        typer.echo(f"testbed: {name} cannot be {self._done}: {reason}", err=True)
        self._print_if_complete()

    def event(self, event: Event) -> None:
        """Tell what happened inside a device: a JSON line each, behind that of the wires."""
        if not self._json:
            typer.echo(event.text, err=True)
        elif self._printed:
            from msgspec import to_builtins

            print_json(to_builtins(event))
        else:
            self._kept.append(event)

    def _print_if_complete(self) -> None:
        if len(self._wires) + len(self._failed) < len(self._names):
            return
        wires = {name: self._wires[name] for name in self._names if name in self._wires}
        if self._json:
            devices = {name: {"wire": wire} for name, wire in wires.items()}
            print_json({"devices": devices, **({"failed": self._failed} if self._failed else {})})
        else:
            width = max((len(name) for name in wires), default=0)
            for name, wire in wires.items():
                typer.echo(f"{name:<{width}}  {wire}")
        self._complete()
        self._printed = True
        for event in self._kept:
            self.event(event)


def die_with_parent() -> None:
    """Ask Linux for SIGTERM when the controller that started us is gone (prctl(2), PR_SET_PDEATHSIG)."""
    import ctypes
    import os
    import signal
    import sys

    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != parent or parent == 1:
        raise typer.Exit(0)
