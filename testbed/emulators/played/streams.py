"""Recorded devices on serial lines and at TCP ports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from urllib.parse import urlencode

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatorContext, Ready
from testbed.emulators.places import SerialEnd
from testbed.links import ByteLink, LinkLost
from testbed.links.base import BytesReceived, Lost

from .device import PlayedDevice
from .player import Player

_RFC2217, _NUS = "rfc2217", "nus"
_TLS, _OF_TLS = "modbus+tls", ("ca", "cert", "key", "role")
_AHEAD_NS = 250_000_000


async def serve_serial(devices: Sequence[PlayedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Hold a port for each device until cancelled."""
    ends: list[_Line] = []
    try:
        for each in devices:
            name, wire = each.device.name, each.device.wire
            end = _Line(name, each.player, context)
            ends.append(end)
            ready(name, f"{wire.scheme}://{end.port.path}{_query(wire)}")
        await asyncio.get_running_loop().create_future()
    finally:
        for end in ends:
            end.unplug()


class _Line:
    """A port that appears and vanishes as the recording has it."""

    ahead_ns = _AHEAD_NS

    def __init__(self, name: str, player: Player, context: EmulatorContext) -> None:
        self.port: SerialEnd = context.places.serial(
            name, context.clock, lambda time_ns, data: player.sent(data)
        )
        self._plugged = False
        player.join(self)

    def plug(self) -> None:
        """Make the port appear."""
        if not self._plugged:
            self._plugged = True
            self.port.plug()

    def unplug(self) -> None:
        """Make the port vanish."""
        if self._plugged:
            self._plugged = False
            self.port.unplug()

    def deliver(self, data: bytes) -> None:
        """Send to the controller."""
        with contextlib.suppress(LinkLost):
            self.port.write(data)


async def serve_tcp(devices: Sequence[PlayedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Listen for each device until cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        for each in devices:
            name, wire = each.device.name, each.device.wire
            socket = _Socket(each.player)
            place = context.places.listen(name, context.clock, socket.accept)
            host, port = await stack.enter_async_context(place)
            stack.callback(socket.unplug)
            if wire.scheme in (_RFC2217, _NUS):  # recorded are the bytes, not what carried them
                ready(name, f"socket://{host}:{port}")
            elif wire.scheme == _TLS:  # recorded is what was meant: nothing there can encrypt
                ready(name, f"modbus+tcp://{host}:{port}{_query(wire, _OF_TLS)}")
            else:
                ready(name, f"{wire.scheme}://{host}:{port}{_query(wire)}")
        await asyncio.get_running_loop().create_future()


class _Socket:
    """Plays to the controller that connected last; while unplugged, every connection is dropped at once."""

    ahead_ns = _AHEAD_NS

    def __init__(self, player: Player) -> None:
        self._player = player
        self._plugged = False
        self._link: ByteLink | None = None
        player.join(self)

    def plug(self) -> None:
        """Let a controller in."""
        self._plugged = True

    def unplug(self) -> None:
        """Drop the connection."""
        self._plugged = False
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def deliver(self, data: bytes) -> None:
        """Send to the controller."""
        if self._link is not None:
            with contextlib.suppress(LinkLost):
                self._link.write(data)

    def accept(self, link: ByteLink) -> tuple[BytesReceived, Lost]:
        """Take a new connection in place of the last one."""

        def received(time_ns: int, data: bytes) -> None:
            if link is self._link:
                self._player.sent(data)

        def lost(reason: str) -> None:
            if link is self._link:
                self._link = None

        if not self._plugged:
            link.close()
        else:
            before, self._link = self._link, link
            if before is not None:
                before.close()
        return received, lost


def _query(wire: Wire, without: Sequence[str] = ()) -> str:
    """Return the options of the recorded wire, so that the driver behaves as it did."""
    options = {name: value for name, value in wire.options.items() if name not in without}
    return f"?{urlencode(options)}" if options else ""
