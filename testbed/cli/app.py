"""Every command in one place; each imports what it needs when it is called, so that help is instant."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from testbed import __version__
from testbed.errors import TestbedError

from . import bench, doctor, emulate, new, run, scan, sessions

app = typer.Typer(
    name="testbed",
    help="Drive, emulate, record and prove the devices of a bench.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(run.run)
app.command()(emulate.emulate)
app.command()(bench.check)
app.command()(bench.schema)
app.command()(new.new)
app.add_typer(scan.scan, name="scan")
app.command()(doctor.doctor)
app.command("sessions")(sessions.sessions)
app.command()(sessions.show)
app.command()(sessions.export)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"testbed {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors that a user can mend are lines on stderr, not tracebacks."""
    try:
        app()
    except TestbedError as error:
        typer.echo(f"testbed: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as in `testbed export ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
