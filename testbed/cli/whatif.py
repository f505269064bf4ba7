"""`testbed whatif`: what would become of a device under other commands, by its twin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import print_json, stdout
from .sessions import AsJson, session_of

if TYPE_CHECKING:
    from testbed.bench import Bench
    from testbed.session.whatif import Rebuilt
    from testbed.twin.predict import Future, Plan

_BARS = " ▁▂▃▄▅▆▇█"
_CURVE = 40  # columns


def whatif(
    target: Annotated[
        str, typer.Argument(metavar="[SESSION|BENCH]", help="A session, running or recorded, or its bench.")
    ] = "latest",
    futures: Annotated[
        list[str] | None,
        typer.Option(
            "--if",
            metavar="SIGNAL=VALUE[@TIME],...",
            help="A future: what is given to the twin's inputs, from when on; may be given again.",
        ),
    ] = None,
    twin: Annotated[
        str | None, typer.Option("--twin", metavar="DEVICE", help="Whose; default: the first of the bench.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="+12.3s or 14:03:07; default: the end."),
    ] = None,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="How far ahead.")] = "60s",
    as_json: AsJson = False,
) -> None:
    """Tell what would be: as things are, and under each --if; the twin and the device notice nothing."""
    import tempfile

    from testbed.bench.units import seconds
    from testbed.errors import UsageError
    from testbed.session.file import SessionReader
    from testbed.session.recorded import recorded_bench
    from testbed.session.whatif import rebuild
    from testbed.session.why import read_moment
    from testbed.twin.predict import futures as foretold

    try:
        horizon = seconds(for_)
    except ValueError as error:
        raise UsageError(f"--for {for_}: {error}", "write for example: --for 10min") from None
    with (
        SessionReader(session_of(target)) as session,
        tempfile.TemporaryDirectory(prefix="testbed-") as folder,
    ):
        bench = recorded_bench(session, Path(folder))
        moment = None if at is None else read_moment(at, session)
        rebuilt = rebuild(session, bench, twin, moment)
        plans: list[Plan] = [{}, *(_plan(bench, text) for text in futures or ())]
        found = foretold(rebuilt.twin, horizon, plans)
        start_ns = session.span()[0]
    names = ["as it is", *(futures or ())]
    with stdout():
        if as_json:
            print_json(_as_dict(target, rebuilt, start_ns, horizon, names, found))
        else:
            _print(bench, rebuilt, start_ns, names, found)


def _plan(bench: Bench, text: str) -> Plan:
    """Read SIGNAL=VALUE[@TIME],...; the value may have a unit."""
    from testbed.bench import nearest
    from testbed.bench.units import convert, seconds
    from testbed.errors import UsageError

    example = "write for example: --if chamber.heater_duty=50%, or --if chamber.heater_duty=50@0s,0@30s"
    plan: dict[str, list[tuple[float, float]]] = {}
    last = ""
    for part in text.split(","):
        path, equals, rest = part.rpartition("=")
        path, (value, _, when) = path.strip() or last, rest.strip().partition("@")
        if not path or (not equals and not last):
            raise UsageError(f"{text!r} tells no future", example)
        if path not in bench.by_path:
            raise UsageError(f"{bench.name} has no signal {path!r}", nearest(path, bench.by_path))
        try:
            plan.setdefault(path, []).append(
                (seconds(when) if when else 0.0, convert(value, bench.by_path[path].unit))
            )
        except ValueError as error:
            raise UsageError(f"{part.strip()!r}: {error}", example) from None
        last = path
    return plan


def _as_dict(
    target: str,
    rebuilt: Rebuilt,
    start_ns: int,
    horizon: float,
    names: Sequence[str],
    found: Sequence[Future],
) -> dict[str, Any]:
    return {
        "target": target,
        "twin": rebuilt.name,
        "time_ns": rebuilt.time_ns,
        "since_start_s": (rebuilt.time_ns - start_ns) / 1e9,
        "horizon_s": horizon,
        "futures": [
            {
                "if": name,
                "times_s": future.times.round(6).tolist(),
                "signals": {
                    path: {"values": values.tolist(), "sigmas": future.sigmas[path].tolist()}
                    for path, values in future.values.items()
                },
            }
            for name, future in zip(names, found, strict=True)
        ],
    }


def _print(
    bench: Bench, rebuilt: Rebuilt, start_ns: int, names: Sequence[str], found: Sequence[Future]
) -> None:
    from .tables import as_text, make_console, make_table

    console = make_console()
    since = (rebuilt.time_ns - start_ns) / 1e9
    console.print(f"the twin of {rebuilt.name}, {since:.1f} s after the start, without its loops:\n")
    table = make_table("if", "signal", ">lowest", ">highest", ">at the end", ">+/- 2 sigma", "unit", "course")
    for name, future in zip(names, found, strict=True):
        for number, path in enumerate(_shown(rebuilt, future)):
            values = future.values[path]
            table.add_row(
                as_text("" if number else name), path, f"{values.min():.5g}", f"{values.max():.5g}",
                f"{values[-1]:.5g}", f"{2 * future.sigmas[path][-1]:.2g}", bench.by_path[path].unit,
                _curve(values),
            )  # fmt: skip
    console.print(table)


def _shown(rebuilt: Rebuilt, future: Future) -> list[str]:
    """Return one signal for each quantity: sensors of the same one would all tell the same."""
    found: dict[int, str] = {}
    for output, path in zip(rebuilt.twin.wiring.outputs, future.values, strict=True):
        found.setdefault(output, path)
    return list(found.values())


def _curve(values: Any) -> str:
    """Return a course as a row of bars, from its lowest to its highest value."""
    import numpy as np

    some = values[np.linspace(0, len(values) - 1, _CURVE).astype(int)]
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * max(1.0, abs(high)):
        return _BARS[1] * _CURVE
    return "".join(_BARS[1 + round((float(each) - low) / (high - low) * (len(_BARS) - 2))] for each in some)
