"""Opens the line of a Modbus wire: TCP or a serial port."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import Tap, no_tap, open_serial, open_tcp
from testbed.protocols.modbus import RTU, TCP_PORT, ModbusWire

from .channels import RtuChannel, TcpChannel
from .line import Line


async def open_line(
    wire: Wire,
    options: ModbusWire,
    clock: Clock,
    lost: Callable[[str], None],
    tap: Tap = no_tap,
    overrun: Callable[[], None] = lambda: None,
) -> Line:
    """Open a modbus+tcp or modbus+rtu wire; raises LinkLost with the cause.

    `lost` and `overrun` are those of `Line`.
    """
    if wire.scheme == RTU:
        serial = RtuChannel(clock, options.unit, options.baud)
        line = Line(clock, serial, options, lost, overrun)
        serial.link = open_serial(
            wire.path, clock, received=serial.received, lost=line.gone, tap=tap,
            baud=options.baud, parity=options.parity, stop_bits=options.stop,
        )  # fmt: skip
        return line
    channel = TcpChannel(clock, options.unit, lambda reason: line.gone(reason))
    line = Line(clock, channel, options, lost, overrun)
    channel.link = await open_tcp(
        wire.host, wire.port or TCP_PORT, clock, received=channel.received, lost=line.gone, tap=tap
    )
    return line
