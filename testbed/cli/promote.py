"""`testbed promote`: keep a session as a regression case."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from testbed.errors import TestbedError, UsageError

from .output import print_json, stdout
from .progress import follow_time
from .sessions import AsJson, SessionName

if TYPE_CHECKING:
    from testbed.session.cases import Case, Outcome


def promote(
    session: SessionName,
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="What the case is called.")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="The folder of cases.")] = Path("regressions"),
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Leave out what was before: 12.5s, or ISO 8601.")
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Leave out what was after.")] = "",
    tolerance: Annotated[
        list[str] | None,
        typer.Option(metavar="SIGNAL=ABS[,REL%]", help="How far a signal may differ; may be repeated."),
    ] = None,
    check: Annotated[bool, typer.Option(help="Replay the case once, and refuse it when it diverges.")] = True,
    as_json: AsJson = False,
) -> None:
    """Keep a session as a regression case: trimmed, packed, with its tolerances, and proved to replay."""
    from testbed.session.cases import replay_case

    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", name) or ".." in name.split("/"):
        raise UsageError(f"{name!r} is no name of a case", "use letters, digits, _, -, . and / for folders")
    case = _keep(session, into, name, (begin, end), tolerance or [])
    outcome = replay_case(case) if check else None
    if outcome is not None and not outcome.same:
        _forget(case)
        raise _Refused(outcome)
    told = {"case": str(case.session), "tolerances": str(case.tolerances) if case.tolerances else None}
    with stdout():
        if as_json:
            print_json({**told, "bytes": case.session.stat().st_size, "checked": check})
        else:
            typer.echo(f"{case.session}, {case.session.stat().st_size / 1e6:.2f} MB")


class _Refused(TestbedError):
    """A session that does not replay cannot be a case."""

    exit_code = 1

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(
            f"{outcome.name} was not kept: replayed, it is {outcome.verdict.value}\n{outcome.text}",
            "leave out no beginning, give tolerances, or keep it all the same with --no-check",
        )


def _keep(session: str, into: Path, name: str, times: tuple[str, str], tolerances: list[str]) -> Case:
    """Write the case and return it; raises UsageError when there is one of that name."""
    import tempfile

    from testbed.session.cases import FOREVER_NS, Case, check_tolerances, pack, read_time, trim
    from testbed.session.cases.case import PACKED, TOLERANCES
    from testbed.session.file import SessionReader, find_session

    path = into / f"{name}{PACKED}"
    if path.exists():
        raise UsageError(f"{path} exists already", "give another name, or remove it first")
    with SessionReader(find_session(session)) as reader, tempfile.TemporaryDirectory() as folder:
        start_ns, stop_ns = reader.span()
        begin_ns = read_time(times[0], start_ns) if times[0] else 0
        end_ns = read_time(times[1], start_ns) if times[1] else FOREVER_NS
        allowed = check_tolerances(reader, tolerances)
        trimmed = Path(folder, "trimmed.session")
        with follow_time("trimming", start_ns, stop_ns) as progress:
            trim(reader, trimmed, name, begin_ns, end_ns, progress)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pack(trimmed, path)
            beside = _write_tolerances(path.with_name(path.name.removesuffix(PACKED) + TOLERANCES), allowed)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}", "choose another folder") from error
    return Case(name, path, beside)


def _write_tolerances(path: Path, tolerances: dict[str, str]) -> Path | None:
    import yaml

    if not tolerances:
        return None
    path.write_text(yaml.safe_dump(tolerances, allow_unicode=True, sort_keys=False))
    return path


def _forget(case: Case) -> None:
    case.session.unlink()
    if case.tolerances is not None:
        case.tolerances.unlink()
