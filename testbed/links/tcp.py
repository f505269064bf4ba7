"""TCP: connect to a device, or listen as one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

from testbed.clock import Clock

from .base import ByteLink, BytesReceived, LinkLost, Lost, Tap, no_tap
from .stream import StreamLink


async def open_tcp(
    host: str,
    port: int,
    clock: Clock,
    *,
    received: BytesReceived,
    lost: Lost,
    tap: Tap = no_tap,
    timeout: float = 3.0,
) -> StreamLink:
    """Connect within `timeout` seconds; raises LinkLost with the address and the cause."""
    try:
        async with asyncio.timeout(timeout):
            sock = await _connect(host, port)
    except TimeoutError as error:
        raise LinkLost(f"{host}:{port} did not accept within {timeout:g} s") from error
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise LinkLost(f"cannot connect to {host}:{port}: {cause}") from error
    return _stream(sock, clock, f"{host}:{port}", received, lost, tap, sock.close)


async def _connect(host: str, port: int) -> socket.socket:
    """Try each address of the host: localhost is ::1 first, where many devices do not listen."""
    loop = asyncio.get_running_loop()
    refused = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            refused = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise refused


Accept = Callable[[ByteLink], tuple[BytesReceived, Lost]]
"""Given a new connection, returns what is called with its bytes and with its end."""


@contextlib.asynccontextmanager
async def listen_tcp(host: str, port: int, clock: Clock, accept: Accept) -> AsyncIterator[int]:
    """Accept connections while the block runs; yields the port (one free port when 0 was asked)."""
    loop = asyncio.get_running_loop()
    server = socket.create_server((host, port), backlog=64)
    server.setblocking(False)
    links: set[StreamLink] = set()

    def incoming() -> None:
        try:
            sock, peer = server.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        _accept(sock, clock, f"{peer[0]}:{peer[1]}", accept, links)

    loop.add_reader(server.fileno(), incoming)
    try:
        yield server.getsockname()[1]
    finally:
        loop.remove_reader(server.fileno())
        server.close()
        for link in list(links):
            link.close()


def _accept(sock: socket.socket, clock: Clock, name: str, accept: Accept, links: set[StreamLink]) -> None:
    """Make a link of a new connection; it is in `links` for as long as it is open."""

    def release() -> None:
        links.discard(link)
        sock.close()

    link = _stream(sock, clock, name, _nobody, lambda reason: None, no_tap, release)
    links.add(link)
    link.hand_to(*accept(link))


def _nobody(time_ns: int, data: bytes) -> None:
    """Take bytes that nobody is there for yet."""


def _stream(
    sock: socket.socket,
    clock: Clock,
    name: str,
    received: BytesReceived,
    lost: Lost,
    tap: Tap,
    release: Callable[[], None],
) -> StreamLink:
    # Requests are small and each waits for its answer: Nagle's delay would be added to every one.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return StreamLink(
        sock.fileno(), clock, name=name, release=release, received=received, lost=lost, tap=tap
    ).start()
