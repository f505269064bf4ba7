"""`testbed tune`: the relay experiment on a loop, and gains that come of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .bench import BenchFile, read_bench
from .output import print_json, tell
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.run import RunVerdict
    from testbed.session.tuning import Tuning


def tune(
    file: BenchFile,
    loop: Annotated[str, typer.Argument(metavar="LOOP", help="The loop that is to be tuned.")],
    emulate: Annotated[
        str | None, typer.Option(metavar="all|NAME,...", help="Replace the far end of these wires.")
    ] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Everything emulated, in virtual time: as fast as it goes.")
    ] = False,
    setpoint: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Around what it is to go; default: the bench file's.")
    ] = None,
    within: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LOW HIGH", help="End the experiment when what is measured leaves these."),
    ] = None,
    output: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LOW HIGH", help="What the output may do; default: the actuator's limits."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="How far the output goes to either side; default: a tenth."),
    ] = None,
    hysteresis: Annotated[
        str | None, typer.Option(metavar="VALUE", help="What does not switch; default: by the noise.")
    ] = None,
    reverse: Annotated[
        bool | None,
        typer.Option("--reverse/--direct", help="More output gives less; default: as the controller has it."),
    ] = None,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="How long at most.")] = "20min",
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw the experiment.")
    ] = None,
    session: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Where to record; default: sessions/")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a loop's device oscillate by switching its actuator, and tell gains by several rules."""
    import os

    from testbed.errors import UsageError
    from testbed.session.emulation import parse_names
    from testbed.session.tuning import Tuning, Wishes

    from .run import default_path, read_duration

    bench = read_bench(file)
    seconds = read_duration("--for", for_)
    names = parse_names(emulate, bench) if emulate is not None else []
    if virtual and emulate is not None:
        raise UsageError("--virtual emulates every device", "leave --emulate out")
    path = session or default_path(bench.name)
    if path.exists():
        raise UsageError(f"{path} exists already, and no recording is ever overwritten", "give another name")
    tuning = Tuning(bench, loop, Wishes(setpoint, output, step, hysteresis, within, reverse), os.environ)
    if virtual:
        verdict = _run_virtually(tuning, path, seconds, live=not as_json)
    else:
        import uvloop

        verdict = uvloop.run(_run(tuning, path, seconds, names))
    found = {**tuning.summary(), "session": str(path), "verdict": verdict.value}
    if picture is not None:
        _draw(tuning, picture)
    if as_json:
        print_json(found)
    else:
        _print(tuning, found)
    raise typer.Exit(4 if verdict.value == "blocked" else 1 if tuning.failure else 0)


def _run_virtually(tuning: Tuning, path: Path, seconds: float | None, *, live: bool) -> RunVerdict:
    from testbed.clock import VirtualClock
    from testbed.session.run import Run
    from testbed.session.virtual import run_virtually

    from .progress import follow_clock
    from .run import stop_on_signals

    runs: list[Run] = []
    with follow_clock(f"tuning {tuning.loop.name} in virtual time", seconds, wanted=live) as begun:

        def start(run: Run, clock: VirtualClock) -> None:
            runs.append(run)
            stop_on_signals(run.stop)
            begun(clock)

        verdict, _ = run_virtually(
            tuning.bench, path, seconds, seed=tuning.bench.seed, tell=tell, begun=start,
            assembled=lambda parts: tuning.attach(parts, runs[0].stop),
        )  # fmt: skip
    return verdict


async def _run(tuning: Tuning, path: Path, seconds: float | None, names: list[str]) -> RunVerdict:
    import contextlib
    from dataclasses import replace

    from testbed.session.emulation import emulation
    from testbed.session.faults import Breaking
    from testbed.session.run import Run

    from .run import stop_on_signals

    bench, absent, breaking = tuning.bench, {}, Breaking()
    async with contextlib.AsyncExitStack() as stack:
        if names:
            emulated = await stack.enter_async_context(emulation(bench.file, names, bench.seed))
            bench, absent = emulated.rewire(bench), emulated.failed
            breaking = replace(breaking, order=emulated.order)
        run = Run(
            bench, path, seed=bench.seed, emulated=names, absent=absent, tell=tell, breaking=breaking,
            assembled=lambda parts: tuning.attach(parts, run.stop),
        )  # fmt: skip
        stop_on_signals(run.stop)
        return await run.run(seconds)


def _draw(tuning: Tuning, file: Path) -> None:
    from testbed.errors import UsageError
    from testbed.session.tuning_picture import draw_experiment

    loop = tuning.loop
    if not tuning.moments:
        return
    reads, writes = (
        f"{each.path} ({each.unit})" if each.unit else each.path for each in (loop.reads, loop.writes)
    )
    text = draw_experiment(tuning.moments, loop.setpoint, reads, writes, f"relay experiment on {loop.name}")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "give another file") from error


def _print(tuning: Tuning, found: dict[str, Any]) -> None:
    from testbed.bench.units import difference_unit
    from testbed.control.tuning import RULES

    from .tables import make_console, make_table

    loop, response = tuning.loop, tuning.response
    if response is None:
        typer.echo(f"{loop.name}: no gains: {tuning.failure}")
        typer.echo(f"recorded in {found['session']}")
        return
    reads, writes = loop.reads.unit, loop.writes.unit
    typer.echo(
        f"{loop.name}: {loop.reads.path} swings by {response.amplitude:.3g} {difference_unit(reads)}"
        f" around {loop.setpoint:g} {reads},"
        f" {loop.writes.path} around {response.centre:.4g} {writes}"
    )
    typer.echo(f"ultimate gain {response.gain:.4g}, ultimate period {response.period:.4g} s")
    if tuning.doubt:
        typer.echo(f"doubtful: {tuning.doubt}")
    table = make_table("rule", "controller", "what it is like")
    for name, gains in found["rules"].items():
        pid = ", ".join(f"{key}: {value:.4g}" for key, value in gains.items() if value)
        table.add_row(name, f"{{pid: {{{pid}}}}}", RULES[name].what)
    make_console().print(table)
    typer.echo(f"recorded in {found['session']}")
