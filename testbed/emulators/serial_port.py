"""What emulated devices that speak in bytes are plugged into: a serial port, or a socket of a converter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol
from urllib.parse import urlencode

from testbed.clock import Clock, Ticker
from testbed.links import ByteLink, LinkLost
from testbed.links.base import BytesReceived, Lost
from testbed.links.telnet import PortServer, escaped

from .base import EmulatedDevice, EmulatorContext, Ready

_SOCKET, _RFC2217 = "socket", "rfc2217"


class SerialDevice(Protocol):
    """A device at the end of a serial line."""

    def received(self, time_ns: int, data: bytes) -> None:
        """Take bytes from the controller."""

    def start(self, clock: Clock) -> Iterable[Ticker]:
        """Begin what it does unasked; the tickers are cancelled at the end."""


class Far(Protocol):
    """The device's end of the wire."""

    def plug(self) -> None:
        """Make it reachable."""

    def unplug(self) -> None:
        """Cut it off as a pulled cable does."""

    def write(self, data: bytes) -> None:
        """Send to the controller, into the void when nobody is there."""


async def serve_serial(
    devices: Sequence[EmulatedDevice],
    context: EmulatorContext,
    ready: Ready,
    make: Callable[[EmulatedDevice, Callable[[bytes], None]], SerialDevice],
) -> None:
    """Answer for all devices, each made by `make(device, write)`, on wires of their own until cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        for each in devices:
            made: list[SerialDevice] = []

            def received(time_ns: int, data: bytes, made: list[SerialDevice] = made) -> None:
                made[0].received(time_ns, data)

            end, wire = await stack.enter_async_context(_far_end(each, context, received))
            made.append(make(each, end.write))
            for ticker in made[0].start(context.clock):
                stack.callback(ticker.cancel)
            ready(each.device.name, wire)
        await asyncio.get_running_loop().create_future()


@contextlib.asynccontextmanager
async def _far_end(
    each: EmulatedDevice, context: EmulatorContext, received: BytesReceived
) -> AsyncIterator[tuple[Far, str]]:
    """Hold the far end of one device's wire while the block runs; yields it and the wire."""
    name = each.device.name
    async with contextlib.AsyncExitStack() as stack:
        end: Far
        scheme = each.device.wire.scheme
        if scheme in (_SOCKET, _RFC2217):
            end = socket = SocketEnd(received) if scheme == _SOCKET else ServerEnd(received)
            place = context.places.listen(name, context.clock, socket.accept)
            host, number = await stack.enter_async_context(place)
            options = urlencode(each.device.wire.options)
            wire = f"{scheme}://{host}:{number}" + (f"?{options}" if options else "")
        else:
            end = port = context.places.serial(name, context.clock, received)
            wire = f"serial://{port.path}?baud=115200"  # a pty carries any baud rate
        end.plug()
        stack.callback(end.unplug)
        context.plugs[name] = end
        yield end, wire


class SocketEnd:
    """A converter's socket: one controller at a time, as on the port behind it."""

    def __init__(self, received: BytesReceived) -> None:
        self._received = received
        self._plugged = False
        self._link: ByteLink | None = None

    def plug(self) -> None:
        """Let a controller in."""
        self._plugged = True

    def unplug(self) -> None:
        """Drop the connection, and every new one at once."""
        self._plugged = False
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def write(self, data: bytes) -> None:
        """Send to the controller, into the void when nobody is connected."""
        if self._link is not None:
            with contextlib.suppress(LinkLost):  # it went away in this moment
                self._link.write(data)

    def accept(self, link: ByteLink) -> tuple[BytesReceived, Lost]:
        """Take a connection, unless another one is open."""
        if self._plugged and self._link is None:
            self._link = link
        else:
            link.close()

        def lost(reason: str) -> None:
            if self._link is link:
                self._link = None

        return self._received, lost


class ServerEnd(SocketEnd):
    """The socket of an access server, which lets its port be set (RFC 2217)."""

    def write(self, data: bytes) -> None:
        """Send to the controller, into the void when nobody is connected."""
        super().write(escaped(data))

    def accept(self, link: ByteLink) -> tuple[BytesReceived, Lost]:
        """Take a connection, unless another one is open."""
        received, lost = super().accept(link)
        if self._link is not link:
            return received, lost

        def send(data: bytes) -> None:
            with contextlib.suppress(LinkLost):  # it went away in this moment
                link.write(data)

        server = PortServer(send)

        def arrived(time_ns: int, data: bytes) -> None:
            plain = server.feed(data)
            if plain:
                received(time_ns, plain)

        return arrived, lost
