"""Every command in one place; each imports what it needs when it is called, so that help is instant."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from testbed import __version__
from testbed.errors import TestbedError

from . import (
    bench,
    compare,
    doctor,
    emulate,
    export,
    fault,
    firmware,
    flash,
    forward,
    grafana,
    import_,
    interlock,
    learn,
    new,
    play,
    promote,
    record,
    recover,
    replay,
    replay_all,
    report,
    run,
    scan,
    serve,
    sessions,
    tune,
    twins,
    users,
    watch,
    whatif,
    why,
)

_OUR_FAULT = 70  # EX_SOFTWARE of sysexits.h

app = typer.Typer(
    name="testbed",
    help="Drive, emulate, record and prove the devices of a bench.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help needs no rich, which takes as long to import as all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(run.run)
app.command()(emulate.emulate)
app.command()(play.play)
app.command()(bench.check)
app.command()(bench.schema)
app.command()(new.new)
app.add_typer(scan.scan, name="scan")
app.command()(doctor.doctor)
app.add_typer(firmware.firmware, name="firmware")
app.command()(flash.flash)
app.command()(flash.reset)
app.command("sessions")(sessions.sessions)
app.command()(sessions.show)
app.command()(export.export)
app.command("import")(import_.import_)
app.command()(replay.replay)
app.command()(compare.compare)
app.command()(tune.tune)
app.command()(twins.twins)
app.command()(whatif.whatif)
app.command()(learn.learn)
app.command()(why.why)
app.command()(promote.promote)
app.command("replay-all")(replay_all.replay_all)
app.command()(forward.forward)
app.command()(grafana.grafana)
app.command()(recover.recover)
app.command()(serve.serve)
app.add_typer(users.users, name="users")
app.command()(report.report)
app.command()(record.record)
app.command()(interlock.interlock)
app.command()(fault.fault)
app.command()(watch.watch)


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
    """Run the command line; what a user can mend is a line on stderr, what only we can is a trace and 70."""
    try:
        app()
    except TestbedError as error:
        typer.echo(f"testbed: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)  # as shells count it: 128 and the number of SIGINT
    except Exception:  # whatever it is, it is our fault and must be told whole
        traceback.print_exc()
        typer.echo(
            "testbed: this is a fault of testbed itself; please report it with the lines above", err=True
        )
        sys.exit(_OUR_FAULT)
