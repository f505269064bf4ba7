"""Modbus devices on TCP and on ptys, answering from their stores through their profiles.

Each device has a server of its own; those that the bench has at one wire, each with its unit, answer at
one socket or port. A request to another unit is not answered on a serial line, and gets the gateway's
exception 0x0B on TCP. What the wire writes goes to the store as a command.
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
from testbed.links.tcp import Accept
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
    place_of,
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
        for group in _at_one_wire(devices):
            scheme = group[0].device.wire.scheme
            if len(group) > 1:
                await serve_units(group, context, ready, stack)
            elif scheme in SERIAL:
                _serve_line(group[0], context, ready, stack)
            else:
                await _serve_tcp(group[0], context, ready, stack)
        await asyncio.get_running_loop().create_future()


def _at_one_wire(devices: Sequence[EmulatedDevice]) -> list[list[EmulatedDevice]]:
    """Return the devices in groups that share a wire; two with one unit cannot."""
    groups: dict[object, list[EmulatedDevice]] = {}
    for each in devices:
        wire = each.device.wire
        if wire.scheme not in SCHEMES:
            raise UsageError(f"{each.device.name}: no Modbus device is reached over {wire.scheme}://")
        place = place_of(wire)
        group = groups.setdefault(each.device.name if place is None else (wire.scheme, place), [])
        if any(modbus_wire(other.device.wire).unit == modbus_wire(wire).unit for other in group):
            group = groups.setdefault(each.device.name, [])
        group.append(each)
    return list(groups.values())


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


# Several units at one wire ------------------------------------------------------------------------


class Unit:
    """One device among others at a wire: unplugged, it is silent and the others answer."""

    def __init__(self, each: EmulatedDevice) -> None:
        self.number = modbus_wire(each.device.wire).unit
        self.server = make_server(each)
        self.plugged = True

    def plug(self) -> None:
        """Let it answer again."""
        self.plugged = True

    def unplug(self) -> None:
        """Take it off the line."""
        self.plugged = False


class Gateway:
    """A gateway's socket: it answers for the units behind it, and says which ones are silent."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = {unit.number: unit for unit in units}

    def accept(self, link: ByteLink) -> tuple[Callable[[int, bytes], None], Callable[[str], None]]:
        """Return what answers on a new connection, and what hears of its end."""
        reader = TcpReader()

        def received(time_ns: int, data: bytes) -> None:
            try:
                for number, unit, pdu in reader.feed(data):
                    _write(link, tcp.encode_frame(number, unit, self._answer(unit, pdu)))
            except FrameError:
                link.close()

        return received, lambda reason: None

    def _answer(self, number: int, pdu: bytes) -> bytes:
        unit = self._units.get(number)
        if unit is None or not unit.plugged:
            return exception_response(pdu[0], ExceptionCode.GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND)
        return unit.server.answer(pdu)


async def serve_units(
    group: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    """Answer for several units at one socket or one serial port, named after the first."""
    units = {each.device.name: Unit(each) for each in group}
    everyone = list(units.values())
    first = group[0].device
    scheme, place = first.wire.scheme, first.name
    if scheme in SERIAL:
        where = _share_line(everyone, context, place, FRAMINGS[scheme], stack)
    else:
        framing = FRAMINGS.get(scheme)
        accept = Gateway(everyone).accept if framing is None else _converter(everyone, framing)
        host, port = await stack.enter_async_context(context.places.listen(place, context.clock, accept))
        where = f"{host}:{port}"
    context.plugs.update(units)
    for each in group:
        ready(each.device.name, f"{scheme}://{where}{_query(each.device.wire)}")


def _share_line(
    units: Sequence[Unit],
    context: EmulatorContext,
    name: str,
    framing: Framing,
    stack: contextlib.AsyncExitStack,
) -> str:
    def write(data: bytes) -> None:
        with contextlib.suppress(LinkLost):
            port.write(data)

    port = context.places.serial(name, context.clock, _all_answering(units, framing, write))
    port.plug()
    stack.callback(port.unplug)
    return str(port.path)


def _converter(units: Sequence[Unit], framing: Framing) -> Accept:
    """Return the socket of a converter before the line that the units are on."""
    return lambda link: (
        _all_answering(units, framing, lambda data: _write(link, data)),
        lambda reason: None,
    )


def _all_answering(
    units: Sequence[Unit], framing: Framing, write: Callable[[bytes], None]
) -> Callable[[int, bytes], None]:
    """Return what lets every unit of a line hear its bytes; each answers what is for it."""
    ears = [(unit, answering(unit.server, unit.number, framing, write)) for unit in units]

    def received(time_ns: int, data: bytes) -> None:
        for unit, heard in ears:
            if unit.plugged:
                heard(time_ns, data)

    return received


def _query(wire: Wire) -> str:
    """Return the options of the declared wire, so that the driver behaves as it would at the real one."""
    options = {"unit": "1", **wire.options}
    return "?" + urlencode(options)
