"""`testbed watch`: run the tests that a changed file has to do with, in virtual time, at every save."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from watchfiles import Change

_SUFFIXES = (".py", ".yaml", ".yml", ".csv", ".toml", ".ini", ".cfg")
_TURN_MS = 500
_NOTHING_COLLECTED = 5  # of pytest's exit codes


def watch(
    tests: Annotated[
        list[Path] | None, typer.Argument(metavar="[TESTS...]", help="Test files and folders; default: here")
    ] = None,
    bench: Annotated[
        Path | None, typer.Option(metavar="BENCH", help="The bench file that the tests are run on")
    ] = None,
    hil: Annotated[str, typer.Option(metavar="MODE", help="Where: virtual, emulated, replay")] = "virtual",
    args: Annotated[
        list[str] | None, typer.Option("--arg", metavar="ARG", help="One more for pytest, such as --arg=-x")
    ] = None,
) -> None:
    """Run tests, and those that are affected again whenever a file changes, until Ctrl-C."""
    from testbed.errors import UsageError

    places = tests or [Path()]
    if missing := [str(place) for place in places if not place.exists()]:
        raise UsageError(f"there is no {', '.join(missing)}", "give test files or folders that hold some")
    if hil not in ("virtual", "emulated", "replay"):
        raise UsageError(f"--hil {hil}: tests are watched in virtual, emulated or replay mode")
    given = ["--hil", hil, *(["--bench", str(bench)] if bench is not None else []), *(args or [])]
    _follow(places, given)


def _follow(places: list[Path], given: list[str]) -> None:
    from watchfiles import watch as changes

    root, begun = Path.cwd().resolve(), False
    batches = changes(
        root,
        watch_filter=partial(_interesting, root),
        raise_interrupt=False,
        rust_timeout=_TURN_MS,
        yield_on_timeout=True,
    )
    for batch in batches:  # the first one comes when it is watching: nothing is missed during the first run
        if not begun:
            begun = True
            _pytest(places, given)
        if batch:
            _rerun(root, places, [Path(name) for _, name in batch], given)


def _rerun(root: Path, places: list[Path], changed: list[Path], given: list[str]) -> None:
    from testbed.session.authoring.affected import Project

    affected = Project(root).affected(_tests(places), changed)
    told = ", ".join(sorted({file.name for file in changed}))
    if not affected:
        typer.echo(f"{told}: no test has to do with it", err=True)
        return
    typer.echo(f"{told}: running {len(affected)} of the test files", err=True)
    _pytest([file.relative_to(root) if root in file.parents else file for file in affected], given)


def _interesting(root: Path, change: Change, name: str) -> bool:
    path = Path(name)
    return path.suffix in _SUFFIXES and not _hidden(path.relative_to(root))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _tests(places: Iterable[Path]) -> list[Path]:
    """Return the test files that pytest would find by their names."""
    found = {place for place in places if place.is_file()}
    for place in places:
        for pattern in ("test_*.py", "*_test.py"):
            found |= {file for file in place.rglob(pattern) if not _hidden(file.relative_to(place))}
    return sorted(found)


def _pytest(places: list[Path], given: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *map(str, places), *given]
    try:
        code = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        raise typer.Exit from None
    if code == _NOTHING_COLLECTED:
        typer.echo("no test was collected", err=True)
    typer.echo("watching; Ctrl-C ends", err=True)
