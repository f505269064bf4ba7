"""`testbed replay --decode`: recorded frames to samples again, by the drivers' own decoders."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from .output import print_json

if TYPE_CHECKING:
    from testbed.session.decode import Decoding


def replay_decode(
    path: Path, *, bench: Path | None, profiles: Path | None, session: Path | None, json: bool
) -> NoReturn:
    """Decode the session at `path` again, print what came of it, and exit 0 (same) or 1 (diverged)."""
    import tempfile

    from testbed.errors import UsageError
    from testbed.session.decode import answer, bench_of, decode_session, write_decoded
    from testbed.session.file import SessionReader

    if session is not None and session.exists():
        raise UsageError(
            f"{session} exists already, and no recording is ever overwritten", "give another name"
        )
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder, SessionReader(path) as reader:
        by = bench_of(reader, Path(folder), bench, profiles)
        with _progress(sum(reader.frame_counts().values()), wanted=not json) as progress:
            decoding = decode_session(reader, by, progress)
        if session is not None:
            write_decoded(session, decoding, reader)
    if json:
        print_json({"session": str(path), **answer(decoding)})
    else:
        _print(path, decoding, answer(decoding))
    raise typer.Exit(0 if decoding.same else 1)


def _print(path: Path, decoding: Decoding, result: dict[str, Any]) -> None:
    from rich.text import Text

    from .tables import as_text, as_word, make_console, make_table

    console = make_console()
    table = make_table("device", ">frames", ">decoded", ">compared", ">not from bytes", "")
    for name, counts in result["devices"].items():
        diverged = any(each.first is not None for each in decoding.devices[name].signals.values())
        numbers = (f"{count:,}" for count in counts.values())
        table.add_row(as_text(name), *numbers, as_word("diverged" if diverged else "same"))
    for name, reason in decoding.not_decoded.items():
        table.add_row(as_text(name), "", "", "", "", as_text(f"not decoded: {reason}"))
    console.print(table)
    for line in _first_lines(result["first"]):
        console.print(Text(line))
    console.print(
        Text.assemble(str(path), "  ", as_word(result["verdict"]), f"  {decoding.speed:,.0f} x real time")
    )


def _first_lines(first: dict[str, Any] | None) -> Iterator[str]:
    """Yield the first difference as people read it."""
    if first is None:
        return
    from datetime import UTC, datetime

    seconds, rest = divmod(first["time_ns"], 10**9)
    when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    yield f"\nfirst difference: {first['device']}.{first['signal']} at {when} ({first['time_ns']} ns)"
    yield f"  recorded  {_shown(first['recorded'])}"
    yield f"  decoded   {_shown(first['decoded'])}"
    if first["frame"] is not None:
        yield f"  bytes     {first['frame']['bytes']}"
    yield ""


def _shown(sample: dict[str, Any] | None) -> str:
    if sample is None:
        return "no sample"
    reason = f": {sample['reason']}" if sample["reason"] else ""
    return f"{sample['value']!r} {sample['quality']}{reason}"


@contextlib.contextmanager
def _progress(frames: int, *, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far it is; yields what is to be told of decoded frames."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not (wanted and console.is_terminal):
        yield lambda count: None
        return
    columns = (TextColumn("decoding"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=frames)
        yield lambda count: progress.advance(task, count)
