"""Which units answer on a Modbus wire, and what they say that they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import NamedTuple

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import SystemOpener, Wires, no_tap
from testbed.protocols.modbus import modbus_wire
from testbed.protocols.modbus.identity import Level, describe_identity, parse_identity, read_identity
from testbed.protocols.modbus.pdu import Function, read

from .exchanges import Greeting, Question
from .line import Line
from .medium import Medium
from .opening import open_line

_PATIENCE = 0.1  # s; more than a 9600 baud answer takes, so that all 247 units take under half a minute


class Heard(NamedTuple):
    """A unit, whether anything answered, and its identification (function 43/14), empty without one."""

    unit: int
    answered: bool
    identity: str


async def scan_units(wire: Wire, units: Iterable[int], clock: Clock) -> AsyncIterator[Heard]:
    """Ask each unit for its first holding register, and those that answer who they are.

    An exception is an answer too. Raises LinkLost when the wire cannot be opened.
    """
    options = modbus_wire(wire)
    wires = Wires(SystemOpener(), clock, no_tap)
    for unit in units:
        asked = replace(options, unit=unit, timeout=_PATIENCE)
        line = await open_line(wire, asked, Medium(clock, 1), clock, wires, lambda reason: None)
        try:
            greeting = Greeting(line, read(Function.READ_HOLDING_REGISTERS, 0, 1))
            line.submit(greeting)
            answered = not await greeting.absent
            yield Heard(unit, answered, await identity_of(line) if answered else "")
        finally:
            line.close("the scan goes on")


async def identity_of(line: Line) -> str:
    """Return what a device says that it is, for people; empty when it does not say."""
    objects = await _objects(line, Level.BASIC, 0)
    if objects:
        objects |= await _objects(line, Level.REGULAR, max(objects) + 1)
    return describe_identity(objects)


async def _objects(line: Line, level: Level, first: int) -> dict[int, str]:
    """Return the objects of a level from number `first` on, by number."""
    objects: dict[int, str] = {}
    while first >= 0 and not line.closed:
        question = Question(line, read_identity(level, first))
        line.submit(question)
        try:
            found = parse_identity(await question.answer)
        except ValueError:
            break
        objects.update(found.objects)
        first = found.next if found.next > first else -1  # a device may promise more for ever
    return objects
