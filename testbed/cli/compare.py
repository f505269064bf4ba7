"""`testbed compare`: whether two sessions tell the same, and where they part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json, stdout
from .progress import follow_steps
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.compare import Comparison, Kind, Rules

_DIVERGED = 1

A = Annotated[str, typer.Argument(metavar="A", help="The session that tells what is expected.")]
B = Annotated[str, typer.Argument(metavar="B", help="The session that is judged by it.")]


def compare(
    a: A,
    b: B,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIGNAL=ABS[,REL%]", help='How far a signal may differ: probe.temperature="0.5 K,1%"'
        ),
    ] = None,
    tolerances: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tolerances from a file (YAML), SIGNAL: ABS[,REL%]")
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help="How far times may differ, such as 50ms")
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Times in UTC, not since the start of each session.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="KIND,...", help="Only these: samples,commands,frames,events")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw both over each other, in one file (HTML)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two sessions: exit 0 same, 1 diverged, 3 damaged.

    Without tolerances and --within, every frame, sample and command must be equal, with its time.
    """
    from testbed.session.compare import SAME, SessionRecording
    from testbed.session.compare import compare as compare_recordings
    from testbed.session.file import SessionReader, find_session

    rules = _rules(tolerance or [], tolerances, within, absolute, only)
    with SessionReader(find_session(a)) as first, SessionReader(find_session(b)) as second:
        for session in (first, second):
            session.check_whole()  # also what these rules leave out
        recordings = SessionRecording(first), SessionRecording(second)
        with follow_steps("comparing") as progress:
            comparison = compare_recordings(*recordings, rules, progress)
        if html is not None:
            _draw(comparison, html)
        _print(comparison, as_json)
    if comparison.verdict != SAME:
        raise typer.Exit(_DIVERGED)


def _print(comparison: Comparison, as_json: bool) -> None:
    with stdout():
        if as_json:
            print_json(comparison.as_dict())
            return
        from .compare_tables import print_comparison

        print_comparison(comparison)


def _draw(comparison: Comparison, file: Path) -> None:
    from testbed.session.compare import write_html

    with follow_steps("drawing") as progress:
        write_html(comparison, file, progress)


def _rules(
    tolerances: list[str], file: Path | None, within: str | None, absolute: bool, only: str | None
) -> Rules:
    from testbed.session.compare import Rules, read_tolerances, split_tolerance

    from_file = read_tolerances(file) if file is not None else Rules()
    return Rules(
        tolerances=(*from_file.tolerances, *map(split_tolerance, tolerances)),
        within_ns=from_file.within_ns if within is None else _ns(within),
        absolute=absolute,
        kinds=_kinds(only) if only is not None else frozenset(),
    )


def _ns(text: str) -> int:
    from testbed.bench.units import seconds
    from testbed.errors import UsageError

    try:
        return round(seconds(text) * 1e9)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--within {text}: {error}", "write for example --within 50ms") from None


def _kinds(text: str) -> frozenset[Kind]:
    from testbed.bench import nearest
    from testbed.errors import UsageError
    from testbed.session.compare import Kind

    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in list(Kind):
            raise UsageError(
                f"--only {text}: nothing is called {word!r}", nearest(word, [kind.value for kind in Kind])
            )
    return frozenset(map(Kind, words))
