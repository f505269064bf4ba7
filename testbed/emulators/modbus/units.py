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
    TcpReader,
    tcp,
)
from testbed.protocols.modbus.pdu import exception_response

from .answering import Answers, query_of, write_to
from .sockets import listening

_NOBODY = ExceptionCode.GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND


class Unit:
    """One device among others at a wire: unplugged, it is silent and the others answer."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
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
        self._units = {unit.answers.unit: unit for unit in units}

    def accept(self, link: ByteLink) -> tuple[Callable[[int, bytes], None], Callable[[str], None]]:
        """Return what answers on a new connection, and what hears of its end."""
        reader = TcpReader()

        def received(time_ns: int, data: bytes) -> None:
            try:
                for number, unit, pdu in reader.feed(data):
                    write_to(link, self._answer(number, unit, pdu))
            except FrameError:
                link.close()

        return received, lambda reason: None

    def _answer(self, number: int, unit: int, pdu: bytes) -> bytes:
        asked = self._units.get(unit)
        if asked is None or not asked.plugged:
            return tcp.encode_frame(number, unit, exception_response(pdu[0], _NOBODY))
        return asked.answers.frame(number, unit, pdu)


async def serve_units(
    group: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    """Answer for several units at one socket or one serial port, named after the first."""
    answers = {each.device.name: Answers(each, context.random) for each in group}
    context.breakables.update(answers)
    units = {name: Unit(each) for name, each in answers.items()}
    everyone = list(units.values())
    first = group[0].device
    scheme, place = first.wire.scheme, first.name
    given: Mapping[str, str] = {}
    if scheme in SERIAL:
        where = _share_line(everyone, context, place, stack)
    else:
        accept = _converter(everyone) if scheme in FRAMINGS else Gateway(everyone).accept
        where, given = await listening(place, first.wire, context, accept, stack)
    context.plugs.update(units)
    for each in group:
        options = {**each.device.wire.options, **given, "unit": str(answers[each.device.name].unit)}
        ready(each.device.name, f"{scheme}://{where}{query_of(options)}")


def _share_line(
    units: Sequence[Unit],
    context: EmulatorContext,
    name: str,
    stack: contextlib.AsyncExitStack,
) -> str:
    def write(data: bytes) -> None:
        with contextlib.suppress(LinkLost):
            port.write(data)

    port = context.places.serial(name, context.clock, _all_answering(units, write))
    port.plug()
    stack.callback(port.unplug)
    return str(port.path)


def _converter(units: Sequence[Unit]) -> Accept:
    """Return the socket of a converter before the line that the units are on."""
    return lambda link: (
        _all_answering(units, lambda data: write_to(link, data)),
        lambda reason: None,
    )


def _all_answering(units: Sequence[Unit], write: Callable[[bytes], None]) -> Callable[[int, bytes], None]:
    """Return what lets every unit of a line hear its bytes; each answers what is for it."""
    ears = [(unit, unit.answers.on_line(write)) for unit in units]

    def received(time_ns: int, data: bytes) -> None:
        for unit, heard in ears:
            if unit.plugged:
                heard(time_ns, data)

    return received
