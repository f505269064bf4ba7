"""Opens the line of a Modbus wire: a serial port, or TCP with frames of its own or those of a line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.links import ByteLink, LinkLost, Wires
from testbed.links.tls import TlsFiles
from testbed.protocols.modbus import FRAMINGS, SERIAL, TLS, ModbusWire, port_of
from testbed.protocols.modbus.role import ROLE, role_of

from .channels import Channel, LineChannel, TcpChannel
from .line import Line
from .medium import Medium


async def open_line(
    wire: Wire,
    options: ModbusWire,
    medium: Medium,
    clock: Clock,
    wires: Wires,
    lost: Callable[[str], None],
    overrun: Callable[[], None] = lambda: None,
) -> Line:
    """Open a Modbus wire; raises LinkLost with the cause.

    `lost` and `overrun` are those of `Line`.
    """
    framing = FRAMINGS.get(wire.scheme)
    if framing is None:
        channel = TcpChannel(clock, options.unit, lambda reason: line.gone(reason))
        line = Line(clock, channel, medium, options, lost, overrun)
        channel.link = await _tcp(wire, wires, channel, line)
        return line
    serial = wire.scheme in SERIAL
    # Behind a network nobody hears the silence between frames; the gateway keeps it on its line.
    silence_ns = framing.silence_ns(options.baud) if serial else 0
    one = LineChannel(clock, options.unit, framing, silence_ns, medium)
    line = Line(clock, one, medium, options, lost, overrun, per_byte=framing.per_byte)
    if serial:
        one.link = wires.serial(
            wire.path, received=one.received, lost=line.gone,
            baud=options.baud, parity=options.parity, stop_bits=options.stop,
        )  # fmt: skip
    else:
        one.link = await _tcp(wire, wires, one, line)
    return line


async def _tcp(wire: Wire, wires: Wires, channel: Channel, line: Line) -> ByteLink:
    tls = TlsFiles.of(wire, partial(_check_role, wire)) if wire.scheme == TLS else None
    return await wires.tcp(wire.host, port_of(wire), received=channel.received, lost=line.gone, tls=tls)


def _check_role(wire: Wire, certificate: bytes) -> None:
    """Raise LinkLost when our certificate has not the role that the wire says: all would be refused."""
    wanted = wire.option("role", "")
    role = role_of(certificate) if wanted else ""
    if role != wanted:
        has = f"the role {role}" if role else "no role"
        raise LinkLost(
            f"our certificate {wire.option('cert', '')} has {has}, not {wanted}",
            f"have one issued with it (extension {ROLE}), or correct role=",
        )
