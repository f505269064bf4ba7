"""Modbus devices on TCP and on ptys, answering from their stores through their profiles.

Each device has a server of its own. A request to another unit is not answered on a serial line, and
gets the gateway's exception 0x0B on TCP. What the wire writes goes to the store as a command.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from testbed import __version__
from testbed.bench.wires import Wire
from testbed.errors import UsageError
from testbed.links import ByteLink, LinkLost
from testbed.protocols.modbus import (
    FRAMINGS,
    SCHEMES,
    SERIAL,
    Bank,
    ExceptionCode,
    FrameError,
    Framing,
    Server,
    TcpReader,
    layout_of,
    modbus_wire,
    rtu,
    tcp,
)
from testbed.protocols.modbus.pdu import exception_response
from testbed.protocols.modbus.rare import RareFunctions

from .base import EmulatedDevice, EmulatorContext, Ready

_ANY_UNIT = (0, 255)  # a TCP device that is no gateway answers to these too (TCP/IP Guide 1.0b, 4.4.2)


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for all `devices` until cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        for each in devices:
            scheme = each.device.wire.scheme
            if scheme in SERIAL:
                _serve_line(each, context, ready, stack)
            elif scheme in SCHEMES:
                await _serve_tcp(each, context, ready, stack)
            else:
                raise UsageError(f"{each.device.name}: no Modbus device is reached over {scheme}://")
        await asyncio.get_running_loop().create_future()


def make_server(each: EmulatedDevice) -> Server:
    """Return the device's side of the protocol over its store."""
    profile, store = each.device.profile, each.store
    bank = Bank(layout_of(profile), store.read, store.command)
    rare = RareFunctions(bank, "hil-testbed", profile.name, __version__, profile.title)
    return Server(bank, rare.answer)


# TCP --------------------------------------------------------------------------------------------


async def _serve_tcp(
    each: EmulatedDevice, context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    wire = each.device.wire
    socket = TcpSocket(make_server(each), modbus_wire(wire).unit, FRAMINGS.get(wire.scheme))
    place = context.places.listen(each.device.name, context.clock, socket.accept)
    host, port = await stack.enter_async_context(place)
    context.plugs[each.device.name] = socket
    ready(each.device.name, f"{wire.scheme}://{host}:{port}{_query(wire)}")


class TcpSocket:
    """The network socket of a device: any number of controllers at a time, none while unplugged."""

    def __init__(self, server: Server, unit: int, framing: Framing | None = None) -> None:
        """Answer as `unit`; with a `framing` in the frames of a line, as behind a plain converter."""
        self._server = server
        self._unit = unit
        self._framing = framing
        self._links: set[ByteLink] = set()
        self._plugged = True

    def plug(self) -> None:
        """Let controllers in again."""
        self._plugged = True

    def unplug(self) -> None:
        """Drop every connection, and every new one at once."""
        self._plugged = False
        while self._links:
            self._links.pop().close()

    def accept(self, link: ByteLink) -> tuple[Callable[[int, bytes], None], Callable[[str], None]]:
        """Return what answers on a new connection, and what hears of its end."""
        if self._plugged:
            self._links.add(link)
        else:
            link.close()
        if self._framing is not None:
            answer = answering(self._server, self._unit, self._framing, lambda data: _write(link, data))
            return answer, lambda reason: self._links.discard(link)
        reader = TcpReader()

        def received(time_ns: int, data: bytes) -> None:
            answers = b""
            try:
                for number, unit, pdu in reader.feed(data):
                    answers += tcp.encode_frame(number, unit, self._answer(unit, pdu))
            except FrameError:
                _write(link, answers)
                self._links.discard(link)
                link.close()
                return
            if answers:
                _write(link, answers)

        return received, lambda reason: self._links.discard(link)

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        if unit == self._unit or unit in _ANY_UNIT:
            return self._server.answer(pdu)
        return exception_response(pdu[0], ExceptionCode.GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND)


def _write(link: ByteLink, data: bytes) -> None:
    # A controller that went away or does not read is no fault of the device; `lost` has heard of it.
    with contextlib.suppress(LinkLost):
        link.write(data)


# Serial lines -----------------------------------------------------------------------------------


def answering(
    server: Server, unit: int, framing: Framing, write: Callable[[bytes], None]
) -> Callable[[int, bytes], None]:
    """Return what takes the bytes of a line and answers the requests to `unit` in them."""
    reader = framing.server(unit)

    def received(time_ns: int, data: bytes) -> None:
        for addressed, pdu in reader.feed(time_ns, data):
            answer = server.answer(pdu)
            if addressed != rtu.BROADCAST:  # what all are told, nobody answers
                write(framing.encode(unit, answer))

    return received


def _serve_line(
    each: EmulatedDevice, context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    name, wire = each.device.name, each.device.wire

    def write(data: bytes) -> None:
        with contextlib.suppress(LinkLost):
            port.write(data)

    received = answering(make_server(each), modbus_wire(wire).unit, FRAMINGS[wire.scheme], write)
    port = context.places.serial(name, context.clock, received)
    port.plug()
    stack.callback(port.unplug)
    context.plugs[name] = port
    ready(name, f"{wire.scheme}://{port.path}{_query(wire)}")


def _query(wire: Wire) -> str:
    """Return the options of the declared wire, so that the driver behaves as it would at the real one."""
    options = {"unit": "1", **wire.options}
    return "?" + urlencode(options)
