"""Several units at one wire: behind a gateway, behind a converter, or on one serial line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.links import ByteLink, LinkLost
from testbed.links.tcp import Accept
from testbed.protocols.modbus import (
    FRAMINGS,
    SERIAL,
    ExceptionCode,
    FrameError,
    Framing,
    TcpReader,
    modbus_wire,
    tcp,
)
from testbed.protocols.modbus.pdu import exception_response

from .answering import answering, make_server, query_of, write_to
from .sockets import listening


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
                    write_to(link, tcp.encode_frame(number, unit, self._answer(unit, pdu)))
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
    given: Mapping[str, str] = {}
    if scheme in SERIAL:
        where = _share_line(everyone, context, place, FRAMINGS[scheme], stack)
    else:
        framing = FRAMINGS.get(scheme)
        accept = Gateway(everyone).accept if framing is None else _converter(everyone, framing)
        where, given = await listening(place, first.wire, context, accept, stack)
    context.plugs.update(units)
    for each in group:
        options = {**each.device.wire.options, **given, "unit": str(units[each.device.name].number)}
        ready(each.device.name, f"{scheme}://{where}{query_of(options)}")


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
        _all_answering(units, framing, lambda data: write_to(link, data)),
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
