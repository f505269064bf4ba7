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


@firmware.command()
def scenario(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image built for mps2-an385.")],
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="What happens when (YAML).")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run firmware through a script in its own time: the same script gives the same bytes on every run."""
    import asyncio
    import hashlib

    from testbed.emulators.firmware.scenario import run_scenario

    from .output import print_json

    outcome = asyncio.run(run_scenario(image, script))
    digest = hashlib.sha256(outcome.sent).hexdigest()
    if json:
        driven = [{"at": at, "signal": name, "value": value} for at, name, value in outcome.driven]
        print_json(
            {"sent": len(outcome.sent), "sha256": digest, "driven": driven, "console": list(outcome.console)}
        )
        return
    for line in outcome.console:
        typer.echo(line, err=True)
    for at, name, value in outcome.driven:
        typer.echo(f"{at:12.6f} s  {name} {value:g}")
    typer.echo(f"{len(outcome.sent)} bytes sent, sha256 {digest}")
