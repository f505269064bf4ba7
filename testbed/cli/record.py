"""`testbed record`: run a bench by hand, a line at a time, and get a first test out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bench import read_bench
from .output import tell

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from testbed.bench import Bench
    from testbed.session.assembly import Assembly
    from testbed.session.run import RunVerdict
    from testbed.signals import Event

_PATIENCE_S = 15.0  # that devices are waited for before the first line is carried out
_EXIT = {"passed": 0, "failed": 1, "blocked": 4}


def record(
    source: Annotated[
        str,
        typer.Argument(
            metavar="BENCH|SESSION", help="A bench file to run by hand, or a session that is there."
        ),
    ],
    as_test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a first test from what was done.")
    ] = None,
    emulate: Annotated[
        str | None, typer.Option(metavar="all|NAME,...", help="Replace the far end of these wires.")
    ] = None,
    session: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Where to record; default: sessions/")
    ] = None,
) -> None:
    """Run a bench by hand and record it: lines on stdin are commands (say help); their end ends the run."""
    from testbed.errors import UsageError

    if as_test is not None and as_test.exists():
        raise UsageError(f"{as_test} exists already, and no test is ever overwritten", "give another name")
    if not source.endswith((".yaml", ".yml")):
        if as_test is None:
            raise UsageError(
                f"{source} is a session, and nothing says what to make of it", "add: --as-test FILE"
            )
        _write_test(source, as_test)
        return
    path, verdict = _run_by_hand(Path(source), emulate, session)
    typer.echo(f"verdict {verdict.value}, recorded in {path}")
    if as_test is not None:
        _write_test(str(path), as_test)
    raise typer.Exit(_EXIT[verdict.value])


def _write_test(session: str, file: Path) -> None:
    from testbed.errors import UsageError
    from testbed.session.authoring import write_session_test
    from testbed.session.file import SessionReader, find_session

    with SessionReader(find_session(session)) as reader:
        text = write_session_test(reader, file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "give another file") from error
    typer.echo(f"wrote {file}; read it, and make its expectations yours")


def _run_by_hand(file: Path, emulate: str | None, session: Path | None) -> tuple[Path, RunVerdict]:
    import uvloop

    from testbed.errors import UsageError
    from testbed.session.emulation import parse_names

    from .run import default_path

    bench = read_bench(file)
    names = parse_names(emulate, bench) if emulate is not None else []
    path = session or default_path(bench.name)
    if path.exists():
        raise UsageError(f"{path} exists already, and no recording is ever overwritten", "give another name")
    return path, uvloop.run(_run(bench, path, names))


async def _run(bench: Bench, path: Path, names: list[str]) -> RunVerdict:
    import asyncio
    import contextlib

    from testbed.session.emulation import emulation
    from testbed.session.run import Run

    from .run import stop_on_signals

    parts: asyncio.Future[Assembly] = asyncio.get_running_loop().create_future()
    awaited, there = set(bench.devices), asyncio.Event()
    absent: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        if names:
            emulated = await stack.enter_async_context(emulation(bench.file, names, bench.seed))
            bench, absent = emulated.rewire(bench), emulated.failed
        awaited -= absent.keys()

        def hear(event: Event) -> None:
            tell(event)
            if event.kind == "online":
                awaited.discard(event.source)
            if not awaited:
                there.set()

        run = Run(
            bench, path, seed=bench.seed, emulated=names, absent=absent, tell=hear, assembled=parts.set_result
        )
        stop_on_signals(run.stop)
        by_hand = asyncio.create_task(_obey(bench, parts, there), name="lines on stdin")
        by_hand.add_done_callback(
            lambda _: run.stop("no more lines: bringing every actuator to its safe value")
        )
        try:
            return await run.run(None)
        finally:
            by_hand.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await by_hand


async def _obey(bench: Bench, parts: asyncio.Future[Assembly], there: asyncio.Event) -> None:
    """Carry out the lines that come on stdin, one after the other, to their end or to quit.

    `there` is set when every device is online; the first line waits for that, but not for ever.
    """
    import asyncio
    import contextlib

    from testbed.errors import UsageError
    from testbed.session.console import Console

    console = Console(bench, await parts, asyncio.sleep)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await there.wait()
    async for line in _lines():
        if line == "quit":
            return
        try:
            answer = await console.carry_out(line) if line else ""
        except UsageError as error:
            answer = str(error)
        if answer:
            typer.echo(answer, err=True)


async def _lines() -> AsyncIterator[str]:
    """Yield the lines of stdin as they come, without a thread and without making a terminal non-blocking."""
    import asyncio
    import os

    loop, readable, held = asyncio.get_running_loop(), asyncio.Event(), b""
    descriptor = sys.stdin.fileno()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:  # a plain file, which is always readable
        for line in sys.stdin:
            yield line.strip()
        return
    try:
        while True:
            await readable.wait()
            readable.clear()
            data = os.read(descriptor, 4096)
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace").strip()
            if not data:
                yield held.decode("utf-8", "replace").strip()
                return
    finally:
        loop.remove_reader(descriptor)
