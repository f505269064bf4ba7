"""`testbed serve`: look at sessions in a browser; and the live page of `testbed run --serve`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json

if TYPE_CHECKING:
    import socket

    from testbed.web.settings import Settings

DEFAULT_LISTEN = "127.0.0.1:8765"
_NEEDED = ("nicegui", "youplot", "prometheus_client", "pwdlib", "numpy")
_END_S = 5.0

Listen = Annotated[
    str | None,
    typer.Option(
        "--listen", metavar="HOST:PORT", help=f"Where; default: {DEFAULT_LISTEN}, this machine only."
    ),
]
Users = Annotated[
    Path | None, typer.Option("--users", metavar="FILE", help="Who may log in: see testbed users.")
]


def serve(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where the sessions are.")] = Path(
        "sessions"
    ),
    listen: Listen = None,
    users: Users = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", metavar="FILE", help="Certificate (PEM): serve over TLS.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its private key.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Tell the address as one JSON object.")] = False,
) -> None:
    """Show the sessions of a folder in a browser, those that are being recorded too, until Ctrl-C."""
    import uvloop

    from testbed.errors import UsageError

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "record a session with: testbed run bench.yaml")
    if (cert is None) != (key is None):
        raise UsageError("--cert and --key go together")
    settings, listening = _settings(folder, listen, users, tls=cert is not None)
    settings.certificate, settings.key = str(cert or ""), str(key or "")
    if json:
        print_json({"address": settings.address})
    else:
        typer.echo(f"{settings.address}  (Ctrl-C ends it)")

    from testbed.web.server import serve as serve_page

    with listening:
        uvloop.run(serve_page(settings, leashed=False))


@contextlib.asynccontextmanager
async def live_page(
    session: Path, control: Path, listen: str | None, users: Path | None
) -> AsyncIterator[None]:
    """Show the session that is about to be recorded, in a process of its own, while the block runs.

    `control` is where the run listens for what people want of it.
    """
    import asyncio
    import sys

    import msgspec

    settings, listening = _settings(session.parent, listen, users, tls=False)
    typer.echo(f"live page: {settings.address}", err=True)
    with listening:
        settings.running, settings.control = session.stem, str(control)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "testbed.web",
            stdin=asyncio.subprocess.PIPE, pass_fds=[listening.fileno()], start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None  # noqa: S101  (asked for as a pipe)
        process.stdin.write(msgspec.json.encode(settings) + b"\n")
        try:
            yield
        finally:
            process.stdin.close()  # it shows the end of the run, and ends
            await _ended(process)


async def _ended(process: object) -> None:
    import asyncio

    assert isinstance(process, asyncio.subprocess.Process)  # noqa: S101
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _settings(
    folder: Path, listen: str | None, users: Path | None, *, tls: bool
) -> tuple[Settings, socket.socket]:
    """Return the settings and the bound socket; says on stderr what somebody needs to get in."""
    _check_installed()
    from testbed.web.access import Account, hash_token, new_token, read_accounts
    from testbed.web.settings import Settings

    accounts = read_accounts(users) if users is not None else None
    listening, host = _bind(listen)
    shown, port = listening.getsockname()[:2]
    local = _is_loopback(shown)
    if accounts is None and not local:
        import getpass

        token, name = new_token(), getpass.getuser()
        accounts = {name: Account("admin", token=hash_token(token))}
        typer.echo(f"log in as {name} with this token, good until the page ends: {token}", err=True)
    if not local and not tls:
        typer.echo(
            "what is sent can be read on the network: give --cert and --key to testbed serve", err=True
        )
    hosts = ["localhost", "127.0.0.1", "::1"] if local else None
    name = f"[{host}]" if ":" in host else host
    settings = Settings(
        str(folder), listening.fileno(), f"{'https' if tls else 'http'}://{name}:{port}", hosts, accounts
    )
    return settings, listening


def _bind(listen: str | None) -> tuple[socket.socket, str]:
    """Return a listening socket and its host; the default port gives way to any that is free."""
    import errno
    import socket

    from testbed.errors import UsageError

    host, _, port = (listen or DEFAULT_LISTEN).rpartition(":")
    host = host.strip("[]")
    if not (host and port.isdigit() and int(port) < 65536):
        raise UsageError(f"--listen {listen}: not HOST:PORT", f"write for example {DEFAULT_LISTEN}")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(place)
        except OSError as error:
            if listen is not None or error.errno != errno.EADDRINUSE:
                raise
            listening.bind((host, 0))
        listening.listen(128)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror}", "give another --listen"
        ) from error
    return listening, host


def _is_loopback(address: str) -> bool:
    import ipaddress

    return ipaddress.ip_address(address).is_loopback


def _check_installed() -> None:
    from importlib.util import find_spec

    from testbed.errors import MissingPart

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingPart(
            f"the live page needs {', '.join(missing)}", "install them with: pip install 'hil-testbed[web]'"
        )
