"""`testbed firmware`: what the firmware of a node is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

firmware = typer.Typer(help="Build material for firmware that speaks a profile.", no_args_is_help=True)


@firmware.command()
def header(
    node: Annotated[Path, typer.Argument(metavar="NODE", help="The node file (YAML).")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; default: stdout.")
    ] = None,
) -> None:
    """Make the C header with a node's register map or command table, from the profile its driver reads."""
    from testbed.emulators.firmware.header import make_header
    from testbed.emulators.firmware.node import load_node

    text = make_header(load_node(node))
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text)


@firmware.callback()
def _group() -> None:
    pass
