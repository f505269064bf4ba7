"""`testbed flash` and `testbed reset`: the real board behind a device."""

from __future__ import annotations

from typing import Annotated

import typer

from .bench import BenchFile, read_bench
from .output import print_json, tell

DeviceName = Annotated[str, typer.Argument(metavar="DEVICE", help="A device of the bench.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_NOT_REACHED = 4


def flash(file: BenchFile, device: DeviceName, dry_run: DryRun = False, json: AsJson = False) -> None:
    """Write the image of a device into its real board, as `board: flash:` in the bench file says."""
    import shlex
    import subprocess
    import sys

    from testbed.session.flashing import find_tool, flash_command

    command = flash_command(read_bench(file), device)
    code = 0
    if not dry_run:
        # What the tool says is talk, wherever it says it.
        code = subprocess.run(find_tool(command), stdout=sys.stderr, check=False).returncode
    if json:
        print_json({"device": device, "command": list(command), "dry_run": dry_run, "exit_code": code})
    elif dry_run:
        typer.echo(shlex.join(command))
    if code:
        typer.echo(f"testbed: {device} was not flashed: {command[0]} ended with exit code {code}", err=True)
        raise typer.Exit(_NOT_REACHED)
    if not dry_run and not json:
        typer.echo(f"{device} was flashed by {command[0]}")


def reset(file: BenchFile, device: DeviceName, dry_run: DryRun = False, json: AsJson = False) -> None:
    """Reset the real board of a device, as `board: reset:` in the bench file says."""
    import asyncio

    from testbed.session.resetting import reset_board, reset_plan

    bench = read_bench(file)
    plan = reset_plan(bench, device)
    if not dry_run:
        asyncio.run(reset_board(bench, device, tell))
    if json:
        print_json({"device": device, "plan": plan, "dry_run": dry_run})
    else:
        typer.echo(f"would {plan}" if dry_run else f"{device} was reset")
