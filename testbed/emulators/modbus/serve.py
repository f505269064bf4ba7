"""Which devices are at which wire, and what answers there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.errors import UsageError
from testbed.links import LinkLost
from testbed.protocols.modbus import FRAMINGS, SCHEMES, SERIAL, modbus_wire, place_of

from .answering import Answers, query_of
from .sockets import TcpSocket, listening
from .units import serve_units


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


async def _serve_tcp(
    each: EmulatedDevice, context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    name, wire = each.device.name, each.device.wire
    answers = context.breakables[name] = Answers(each, context.random)
    socket = TcpSocket(answers, line=wire.scheme in FRAMINGS)
    place, options = await listening(name, wire, context, socket.accept, stack)
    context.plugs[name] = socket
    ready(name, f"{wire.scheme}://{place}{query_of(options)}")


def _serve_line(
    each: EmulatedDevice, context: EmulatorContext, ready: Ready, stack: contextlib.AsyncExitStack
) -> None:
    name, wire = each.device.name, each.device.wire

    def write(data: bytes) -> None:
        with contextlib.suppress(LinkLost):
            port.write(data)

    answers = context.breakables[name] = Answers(each, context.random)
    port = context.places.serial(name, context.clock, answers.on_line(write))
    port.plug()
    stack.callback(port.unplug)
    context.plugs[name] = port
    ready(name, f"{wire.scheme}://{port.path}{query_of(wire.options)}")
