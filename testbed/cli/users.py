"""`testbed users`: who may log in to the live page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .output import print_json

users = typer.Typer(help="Say who may log in to the live page.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file that --users names.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]


@users.command()
def add(
    file: File,
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")] = "viewer",
    token: Annotated[
        bool, typer.Option("--token", help="Make a token for a program, instead of a password.")
    ] = False,
) -> None:
    """Add somebody, or give them another password; the password comes from a prompt or standard input."""
    from testbed.errors import UsageError
    from testbed.web.access import (
        Account,
        Role,
        hash_password,
        hash_token,
        new_token,
        read_accounts,
        write_accounts,
    )

    try:
        Role.of(role)
    except ValueError as error:
        raise UsageError(f"--role: {error}") from None
    accounts = read_accounts(file) if file.exists() else {}
    if token:
        made = new_token()
        accounts[name] = Account(role, token=hash_token(made))
        write_accounts(file, accounts)
        typer.echo(made)
        return
    password = _password()
    if len(password) < 8:
        raise UsageError("a password has at least 8 characters")
    accounts[name] = Account(role, password=hash_password(password))
    write_accounts(file, accounts)


@users.command()
def remove(file: File, name: Name) -> None:
    """Remove somebody; a page that is being served knows it when it is started again."""
    from testbed.bench import nearest
    from testbed.errors import UsageError
    from testbed.web.access import read_accounts, write_accounts

    accounts = read_accounts(file)
    if name not in accounts:
        raise UsageError(f"{file} has no {name!r}", nearest(name, accounts))
    del accounts[name]
    write_accounts(file, accounts)


@users.command("list")
def list_(
    file: File, as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False
) -> None:
    """List who may log in."""
    from testbed.web.access import read_accounts

    found = {name: account.role for name, account in sorted(read_accounts(file).items())}
    if as_json:
        print_json({"users": found})
        return
    for name, role in found.items():
        typer.echo(f"{name}  {role}")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
