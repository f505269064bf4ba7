"""Which units answer on a Modbus wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import SystemOpener, Wires, no_tap
from testbed.protocols.modbus import modbus_wire
from testbed.protocols.modbus.pdu import Function, read

from .exchanges import Greeting
from .medium import Medium
from .opening import open_line

_PATIENCE = 0.1  # s; more than a 9600 baud answer takes, so that all 247 units take under half a minute


async def scan_units(wire: Wire, units: Iterable[int], clock: Clock) -> AsyncIterator[tuple[int, bool]]:
    """Ask each unit for its first holding register; yields (unit, whether anything answered).

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
            yield unit, not await greeting.absent
        finally:
            line.close("the scan goes on")
