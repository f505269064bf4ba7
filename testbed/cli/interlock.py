"""`testbed interlock`: how the interlocks of a running session stand, and how to reset one."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import print_json, stdout
from .sessions import AsJson, SessionName


def interlock(
    session: SessionName = "latest",
    reset: Annotated[
        str | None, typer.Option("--reset", metavar="NAME", help="Let a latched interlock go.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how the interlocks of a running session stand: open, tripped or unknown."""
    import asyncio
    import getpass

    from testbed.session.control_client import ask_run
    from testbed.session.control_messages import AnyRequest, Look, Reset
    from testbed.session.file import find_session

    asked: list[AnyRequest] = [] if reset is None else [Reset(interlock=reset, who=getpass.getuser())]
    *_, answer = asyncio.run(ask_run(find_session(session), *asked, Look()))
    standing = answer.standing.interlocks if answer.standing is not None else {}
    with stdout():
        if as_json:
            print_json({"interlocks": standing})
            return
        for name, state in standing.items():
            typer.echo(f"{name}  {state}")
        if not standing:
            typer.echo("this bench has no interlocks")
