"""`testbed replay-all`: replay a folder of sessions, for CI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from testbed.errors import UsageError

from .output import print_json, stdout
from .progress import follow_steps
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.cases import Outcome


def replay_all(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where the cases are.")] = Path(
        "regressions"
    ),
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML too.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an overview as a page too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay every session of a folder in virtual time: exit 0 all same, 1 some diverged, 3 some damaged."""
    from testbed.session.cases import exit_code, find_cases, replay_case, write_junit, write_page

    outcomes = []
    cases = find_cases(folder)
    with follow_steps("replaying") as progress:
        for number, case in enumerate(cases):
            progress(number, len(cases))
            outcomes.append(replay_case(case))
    _write(write_junit, outcomes, junit)
    _write(write_page, outcomes, html)
    with stdout():
        if as_json:
            print_json({"same": not exit_code(outcomes), "cases": [each.as_dict() for each in outcomes]})
        else:
            _print(outcomes)
    raise typer.Exit(exit_code(outcomes))


def _write(
    write: Callable[[Sequence[Outcome], Path], None], outcomes: Sequence[Outcome], file: Path | None
) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(outcomes, file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "give another file") from error


def _print(outcomes: Sequence[Outcome]) -> None:
    from .tables import as_text, as_word, make_console, make_table

    table = make_table("case", "verdict", ">seconds", "")
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f}"
        table.add_row(as_text(outcome.name), as_word(outcome.verdict), seconds, as_text(outcome.text))
    make_console().print(table)
