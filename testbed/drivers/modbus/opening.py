"""Opens the line of a Modbus wire: TCP or a serial port."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import Wires
from testbed.protocols.modbus import RTU, TCP_PORT, ModbusWire

from .channels import RtuChannel, TcpChannel
from .line import Line


async def open_line(
    wire: Wire,
    options: ModbusWire,
    clock: Clock,
    wires: Wires,
    lost: Callable[[str], None],
    overrun: Callable[[], None] = lambda: None,
) -> Line:
    """Open a modbus+tcp or modbus+rtu wire; raises LinkLost with the cause.

    `lost` and `overrun` are those of `Line`.
    """
    if wire.scheme == RTU:
        serial = RtuChannel(clock, options.unit, options.baud)
        line = Line(clock, serial, options, lost, overrun)
        serial.link = wires.serial(
            wire.path, received=serial.received, lost=line.gone,
            baud=options.baud, parity=options.parity, stop_bits=options.stop,
        )  # fmt: skip
        return line
    channel = TcpChannel(clock, options.unit, lambda reason: line.gone(reason))
    line = Line(clock, channel, options, lost, overrun)
    channel.link = await wires.tcp(
        wire.host, wire.port or TCP_PORT, received=channel.received, lost=line.gone
    )
    return line
