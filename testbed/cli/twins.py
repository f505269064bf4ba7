"""`testbed twins`: how every twin of a bench stands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json, stdout
from .sessions import AsJson, session_of

if TYPE_CHECKING:
    from testbed.session.standing import BenchStand, SignalStand, Wanted


def twins(
    target: Annotated[
        str, typer.Argument(metavar="[SESSION|BENCH]", help="A session, running or recorded, or its bench.")
    ] = "latest",
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is wanted, said and confirmed of every signal, and how well each twin is."""
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from testbed.bench import nearest
    from testbed.errors import UsageError
    from testbed.session.file import SessionReader
    from testbed.session.recorded import recorded_bench
    from testbed.session.standing import as_dict, standing

    with (
        SessionReader(session_of(target)) as session,
        tempfile.TemporaryDirectory(prefix="testbed-") as folder,
    ):
        bench = recorded_bench(session, Path(folder))
        if device is not None and device not in bench.devices:
            raise UsageError(f"{bench.name} has no device {device!r}", nearest(device, bench.devices))
        found = standing(session, bench)
    shown = replace(found, devices=tuple(each for each in found.devices if device in (None, each.name)))
    with stdout():
        if as_json:
            print_json(as_dict(shown))
        else:
            _print(shown)


def _print(stand: BenchStand) -> None:
    from .tables import as_text, as_word, make_console, make_table

    console = make_console()
    why = f": {stand.why}" if stand.why else ""
    console.print(as_text(f"{stand.name} is "), as_word(stand.health.word), as_text(why), sep="")
    table = make_table("twin", "health", ">said", ">+/-", "unit", ">ago", "wanted", "confirmed", "why")
    for device in stand.devices:
        version = f", version {device.version}" if device.version > 1 else ""
        level = f"{device.level} {device.model}".strip() + version
        table.add_row(
            as_text(device.name), as_word(device.health.word), "", "", "", "", as_text(level), "",
            as_text(device.why),
        )  # fmt: skip
        for each in device.signals:
            table.add_row(
                as_text(f"  {each.signal.name}"), as_word(each.health.word), _number(each.value),
                _number(2 * each.sigma), each.signal.unit, _ago(each, stand.time_ns), _wanted(each.desired),
                _number(each.confirmed.value) if each.confirmed else "", as_text(each.why),
            )  # fmt: skip
    console.print(table)
    for device in stand.devices:
        for lasting in device.lasts:
            console.print(as_text(f"{device.name}: {lasting}"))


def _number(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else ""


def _ago(stand: SignalStand, now_ns: int) -> str:
    return f"{max(0.0, (now_ns - stand.time_ns) / 1e9):.1f} s" if stand.time_ns else ""


def _wanted(wanted: Wanted | None) -> str:
    return "" if wanted is None else f"{wanted.value:.5g} by {wanted.who}"
