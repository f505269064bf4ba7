"""`testbed run`: run a bench and record it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from .bench import BenchFile, read_bench
from .black_box import Keep, Triggers, parse_window, save_key
from .fault import parse_faults
from .output import print_json, tell
from .serve import Listen, Users, live_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bench import Bench
    from testbed.clock import VirtualClock
    from testbed.session.black_box import Window
    from testbed.session.faults import Breaking
    from testbed.session.memory import Memory
    from testbed.session.run import Run, RunVerdict

    from .fault import Faults

_EXIT = {"passed": 0, "failed": 1, "blocked": 4}


class Page(NamedTuple):
    """Where a run's live page listens, and who may log in; None: as `testbed serve` does by itself."""

    listen: str | None
    users: Path | None


def run(
    file: BenchFile,
    emulate: Annotated[
        str | None, typer.Option(metavar="all|NAME,...", help="Replace the far end of these wires.")
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="How long, such as 30s; default: until Ctrl-C."),
    ] = None,
    session: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Where to record; default: sessions/")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of noise and chance; default: the bench's.")] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Everything emulated, in virtual time: as fast as it goes.")
    ] = False,
    forward: Annotated[
        bool, typer.Option("--forward/--no-forward", help="To InfluxDB meanwhile, if the bench names one.")
    ] = True,
    black_box: Keep = None,
    trigger: Triggers = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="DEVICE:FAULT[@AT][/FOR][?NAME=VALUE]",
            help="Break it on purpose, for example probe:delay@10s/5s?by=200ms; may be given again.",
        ),
    ] = None,
    allow_faults: Annotated[
        bool, typer.Option("--allow-faults", help="Let wires of real devices be broken on purpose too.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it live in a browser, where it can be taken in hand.")
    ] = False,
    listen: Listen = None,
    users: Users = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Begin without what the session before knew and learned.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Run a bench: drive its devices, close its loops, record everything, judge its expectations."""
    import uvloop

    from testbed.errors import UsageError
    from testbed.session.emulation import parse_names
    from testbed.session.faults import Breaking
    from testbed.session.file import summarize
    from testbed.session.memory import recall

    from .forwarding import forwarding

    bench = read_bench(file)
    seconds = read_duration("--for", for_)
    window = parse_window(bench, read_duration("--black-box", black_box), trigger or ())
    names = parse_names(emulate, bench) if emulate is not None else []
    if virtual:
        _check_virtual(bench, names, seconds, window, serve=serve)
    faults = parse_faults(bench, fault or ())
    if not serve and (listen or users):
        raise UsageError("--listen and --users go with --serve")
    path = session or default_path(bench.name)
    if path.exists():  # said before anything is started; the writer makes sure of it
        raise UsageError(f"{path} exists already, and no recording is ever overwritten", "give another name")
    seed = bench.seed if seed is None else seed
    spare_the_collector()
    if virtual:
        verdict, failure = _run_virtually(bench, path, seconds, seed, faults, live=not json)
        saved: list[Path] = []
    else:
        page = Page(listen, users) if serve else None
        broken = Breaking(planned=faults, real=allow_faults)
        memory = None if forget else recall(path.parent, bench, names)
        work = _run(bench, path, seconds, names, seed, window, broken, memory, live=not json, page=page)
        with forwarding(path, bench, wanted=forward):
            verdict, failure, saved = uvloop.run(work)
    summary = {**summarize(path), "verdict": verdict.value}  # a file that could not be ended lacks it
    if failure:
        summary["recording_failure"] = failure
    if window is not None:
        summary["saved"] = [str(each) for each in saved]
    if json:
        print_json(summary)
    else:
        from .session_tables import print_summary

        print_summary(summary, ())
        for each in saved:
            typer.echo(f"saved {each}")
        typer.echo(f"\nverdict {verdict.value}, recorded in {path}")
    raise typer.Exit(_EXIT[verdict.value])


async def _run(
    bench: Bench,
    path: Path,
    seconds: float | None,
    names: list[str],
    seed: int,
    window: Window | None,
    breaking: Breaking,
    memory: Memory | None,
    *,
    live: bool,
    page: Page | None,
) -> tuple[RunVerdict, str, list[Path]]:
    import asyncio
    import contextlib
    import os
    from dataclasses import replace

    from testbed.session.control_place import make_control_socket
    from testbed.session.emulation import News, emulation
    from testbed.session.publish import Publisher, publishing
    from testbed.session.run import Run

    from .live import live_view

    absent: dict[str, str] = {}
    news = News()
    control = make_control_socket(path)
    async with contextlib.AsyncExitStack() as stack:
        if page is not None:
            await stack.enter_async_context(live_page(path, control, page.listen, page.users))
        if names:
            emulated = await stack.enter_async_context(emulation(bench.file, names, seed))
            bench, absent = emulated.rewire(bench), emulated.failed
            news, breaking = emulated.news, replace(breaking, order=emulated.order)
        publisher = None if bench.mqtt is None else Publisher(bench, bench.mqtt, os.environ)
        with live_view(path, bench, seconds, wanted=live) as speak:
            controller = Run(
                bench,
                path,
                seed=seed,
                emulated=names,
                absent=absent,
                tell=speak or tell,
                window=window,
                control=control,
                breaking=breaking,
                memory=memory,
                assembled=lambda parts: publisher.listen(parts.hub) if publisher is not None else None,
            )
            stop_on_signals(controller.stop)
            if window is not None:
                stack.enter_context(save_key(asyncio.get_running_loop(), controller.save))
            await stack.enter_async_context(publishing(publisher, controller.clock, controller.report))
            with news.heard_by(controller.report):
                return await controller.run(seconds), controller.recording_failure, controller.saved


def _check_virtual(
    bench: Bench, names: list[str], seconds: float | None, window: Window | None, *, serve: bool
) -> None:
    """Raise UsageError for what makes no sense in virtual time."""
    from testbed.errors import UsageError

    if serve:
        raise UsageError("--virtual is over too soon to be watched", "look afterwards with: testbed serve")
    if window is not None:
        raise UsageError("--black-box is for runs that cannot be made again", "leave it out with --virtual")

    real = [name for name in bench.devices if names and name not in names]
    if real:
        raise UsageError(
            f"--virtual emulates every device, and --emulate leaves out {', '.join(real)}: "
            "a real device knows nothing of virtual time",
            "leave --emulate out, or run in real time",
        )
    if seconds is None:
        raise UsageError("--virtual has no end by itself", "say how long, for example --for 2min")


def _run_virtually(
    bench: Bench, path: Path, seconds: float | None, seed: int, faults: Faults, *, live: bool
) -> tuple[RunVerdict, str]:
    from testbed.session.virtual import run_virtually

    from .progress import follow_clock

    with follow_clock(f"{bench.name} in virtual time", seconds, wanted=live) as begun:

        def start(run: Run, clock: VirtualClock) -> None:
            stop_on_signals(run.stop)
            begun(clock)

        return run_virtually(bench, path, seconds, seed=seed, tell=tell, begun=start, faults=faults)


def spare_the_collector() -> None:
    """Leave what is loaded out of this process' garbage collection, and collect seldom.

    What flows is freed by counting references; each full collection of the loaded libraries would
    hold up every loop for tens of milliseconds.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def stop_on_signals(stop: Callable[[str], None]) -> None:
    """Call `stop` with the reason when a signal asks this process to end."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(
            number, stop, f"{signal.Signals(number).name}: bringing every actuator to its safe value"
        )


def default_path(bench: str) -> Path:
    """Return a dated name in ./sessions that is not taken yet."""
    import re
    from datetime import datetime

    from testbed.session.file import SUFFIX

    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    base = Path("sessions") / re.sub(r"[^\w.-]+", "-", f"{stamp}_{bench}")
    path, count = base.with_name(base.name + SUFFIX), 1
    while path.exists():
        count += 1
        path = base.with_name(f"{base.name}_{count}{SUFFIX}")
    return path


def read_duration(option: str, text: str | None) -> float | None:
    """Return what an option says in s, None for None; raises UsageError for what is no time."""
    import math

    from testbed.bench.units import seconds
    from testbed.errors import UsageError

    if text is None:
        return None
    try:
        value = seconds(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: {error}", f"write for example {option} 30s or {option} '2 min'"
        ) from None
    if not 0 < value < math.inf:
        raise UsageError(
            f"{option} {text}: not a time that a run could last", "leave it out to run until Ctrl-C"
        )
    return value
