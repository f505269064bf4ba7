"""Serves the page until it is told to end."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn

from testbed.errors import DamagedInput, UsageError

from .access import Doorkeeper
from .app import make_app
from .hands import Hands
from .house import House
from .settings import Settings

_APPEARS_S = 60.0  # a run emulates its devices before it begins to record
_LAST_WORDS_S = 1.0  # for the end of the run to reach the pages


async def serve(settings: Settings, *, leashed: bool) -> None:
    """Serve; `leashed` ends with our standard input, that is with whoever started us."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as storage:
        os.environ["NICEGUI_STORAGE_PATH"] = storage  # nothing of it is kept
        async with AsyncExitStack() as stack:
            hands = Hands()
            house = House(Path(settings.folder), Doorkeeper(settings.accounts), hands, settings.running)
            stack.push_async_callback(house.close)
            await stack.enter_async_context(hands.reach(Path(settings.control) if settings.control else None))
            server = _server(settings, house)
            if not leashed:
                await server.serve([_socket(settings)])
                return
            async with asyncio.TaskGroup() as group:
                leash = group.create_task(_leash())
                serving = group.create_task(_when_recorded(server, settings, house))
                await asyncio.wait((leash, serving), return_when=asyncio.FIRST_COMPLETED)
                server.should_exit = True
                leash.cancel()
                if not server.started:
                    serving.cancel()


def _server(settings: Settings, house: House) -> uvicorn.Server:
    hosts = None if settings.hosts is None else frozenset(settings.hosts)
    config = uvicorn.Config(
        make_app(house, hosts, secure=bool(settings.certificate)),
        ws="websockets-sansio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=settings.certificate or None,
        ssl_keyfile=settings.key or None,
    )
    return uvicorn.Server(config)


def _socket(settings: Settings) -> socket.socket:
    return socket.socket(fileno=settings.listening)


async def _when_recorded(server: uvicorn.Server, settings: Settings, house: House) -> None:
    """Serve from the moment at which the session can be read; who comes earlier waits in the socket."""
    deadline = asyncio.get_running_loop().time() + _APPEARS_S
    while settings.running:
        try:
            await house.archive.about(settings.running)
            break
        except (UsageError, DamagedInput):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)
    await server.serve([_socket(settings)])


async def _leash() -> None:
    """Return a moment after standard input has ended."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        await reader.read()
        await asyncio.sleep(_LAST_WORDS_S)
    finally:
        transport.close()
