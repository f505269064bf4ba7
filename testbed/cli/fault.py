"""`testbed fault`: break something of a running session on purpose, and mend it; what there is to break."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import print_json, stdout
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.bench import Bench, PlannedFault
    from testbed.session.control_messages import AnyRequest, Fault

Faults = Sequence[tuple["PlannedFault", str]]
"""Faults with who asks for each."""

_SUFFIXES = (".yaml", ".yml")


def fault(
    target: Annotated[
        str,
        typer.Argument(metavar="[SESSION|BENCH]", help="What runs: its session or its bench."),
    ] = "latest",
    device: Annotated[str | None, typer.Argument(metavar="[DEVICE]", help="Which device.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="[FAULT]", help="Which fault.")] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="What it is told.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long; default: until --clear.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Mend it.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Tell what can be broken, and how.")] = False,
    as_json: AsJson = False,
) -> None:
    """Break something of a running session on purpose; without DEVICE tell what is broken now."""
    import asyncio
    import getpass

    from testbed.errors import UsageError
    from testbed.session.control_client import ask_run
    from testbed.session.control_messages import Break, Look, Mend

    if listed:
        _list(target, as_json=as_json)
        return
    asked: list[AnyRequest] = []
    if device is not None:
        if name is None:
            raise UsageError(f"which fault of {device}?", "see: testbed fault --list")
        who = getpass.getuser()
        told = dict(_parameter(each) for each in param or ())
        asked.append(
            Mend(device=device, fault=name, who=who)
            if clear
            else Break(device=device, fault=name, parameters=told, lasts=for_, who=who)
        )
    *_, answer = asyncio.run(ask_run(_session(target), *asked, Look()))
    running = answer.standing.faults if answer.standing is not None else []
    with stdout():
        if as_json:
            print_json({"faults": [_plain(each) for each in running]})
            return
        for each in running:
            left = "until it is mended" if each.left_s is None else f"for {each.left_s:.1f} s more"
            typer.echo(f"{each.device}: {each.fault}  {left}  ({each.who})")
        if not running:
            typer.echo("nothing is broken")


def parse_faults(bench: Bench, texts: Sequence[str]) -> Faults:
    """Return what --fault says; raises UsageError for what the bench cannot have."""
    from testbed.bench.faults import parse_fault
    from testbed.errors import UsageError
    from testbed.session.verify import wrong_with

    found = []
    for text in texts:
        try:
            planned = parse_fault(text)
        except ValueError as error:
            raise UsageError(f"--fault {error}") from None
        for _, wrong, hint in wrong_with(bench, planned):
            raise UsageError(f"--fault {text}: {wrong}", hint or "see: testbed fault --list")
        found.append((planned, "the command line"))
    return found


def _parameter(text: str) -> tuple[str, float | str]:
    from testbed.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--param {text} is no NAME=VALUE", "write for example --param by=200ms")
    return name, value


def _session(target: str) -> Path:
    """Return the session that `target` is, or the running one of the bench file that it is."""
    from testbed.errors import UsageError
    from testbed.session.control_place import control_socket
    from testbed.session.file import find_session, list_sessions

    from .bench import read_bench
    from .run import default_path

    if not target.endswith(_SUFFIXES):
        return find_session(target)
    name, folder = read_bench(Path(target)).name, default_path("x").parent
    for entry in list_sessions(folder):
        if entry.path.stem.endswith(name) and control_socket(entry.path).exists():
            return entry.path
    raise UsageError(f"no run of {name} is recorded in {folder}", "name its session file instead")


def _plain(each: Fault) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(each)
    return plain


def _list(target: str, *, as_json: bool) -> None:
    from testbed.bench.faults import CATALOGUE
    from testbed.session.verify import known_faults

    from .bench import read_bench

    known = known_faults(read_bench(Path(target))) if target.endswith(_SUFFIXES) else dict(CATALOGUE)
    with stdout():
        if as_json:
            print_json({"faults": {name: _described(each) for name, each in known.items()}})
            return
        for name, each in known.items():
            typer.echo(f"{name:<17} {each.place:<9} {each.what}")
            for key, parameter in each.parameters.items():
                usual = " (needed)" if parameter.needed else ""
                if parameter.usual is not None:
                    usual = f" (usual: {parameter.usual} {parameter.unit or ''})".replace(" )", ")")
                typer.echo(f"{'':<27}   {key}: {parameter.what}{usual}")


def _described(each: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(each), "parameters": {name: asdict(of) for name, of in each.parameters.items()}}
