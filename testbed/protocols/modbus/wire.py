"""What a Modbus wire's URL says, checked: unit, speed, patience."""

from __future__ import annotations

import math
from dataclasses import dataclass

from testbed.bench.problems import nearest
from testbed.bench.wires import Wire
from testbed.errors import UsageError

from .framing import ASCII_FRAMING, RTU_FRAMING

TCP = "modbus+tcp"
TLS = "modbus+tls"
RTU = "modbus+rtu"
ASCII = "modbus+ascii"
RTU_TCP = "modbus+rtu+tcp"
ASCII_TCP = "modbus+ascii+tcp"
TCP_PORT = 502
TLS_PORT = 802

SERIAL = (RTU, ASCII)
"""Wires that are serial ports."""
FRAMINGS = {RTU: RTU_FRAMING, ASCII: ASCII_FRAMING, RTU_TCP: RTU_FRAMING, ASCII_TCP: ASCII_FRAMING}
"""Wires on which one request is answered at a time."""
MBAP = (TCP, TLS)
"""Wires with a header of their own, by whose transaction id many requests can be in flight."""
SCHEMES = (TCP, RTU, ASCII, RTU_TCP, ASCII_TCP, TLS)

_SERIAL_OPTIONS = ("unit", "timeout", "baud", "parity", "stop")
_OPTIONS = {
    TCP: ("unit", "timeout", "inflight"),
    TLS: ("unit", "timeout", "inflight", "ca", "cert", "key", "role"),
    RTU: _SERIAL_OPTIONS,
    ASCII: _SERIAL_OPTIONS,
    RTU_TCP: ("unit", "timeout"),
    ASCII_TCP: ("unit", "timeout"),
}
_LINE_UNITS = range(1, 248)  # 0 is everybody on a line (Serial Line 1.02, 2.2)
_PARITIES = ("N", "E", "O")


@dataclass(frozen=True)
class ModbusWire:
    """The options of a wire; `timeout` in seconds, `inflight` requests at a time (TCP)."""

    unit: int
    timeout: float
    inflight: int
    baud: int
    parity: str
    stop: int


def modbus_wire(wire: Wire) -> ModbusWire:
    """Return the options of a Modbus wire; raises UsageError naming the wrong one.

    Serial defaults are the standard's: 19200 baud, even parity (Modbus over Serial Line 1.02, 3.4).
    """
    known = _OPTIONS[wire.scheme]
    for name in wire.options:
        if name not in known:
            raise UsageError(f"{wire}: unknown option {name!r}", nearest(name, known))
    for name in ("key", "role"):
        if name in wire.options and "cert" not in wire.options:
            raise UsageError(f"{wire}: {name}= belongs to a certificate of ours", "add cert=FILE")
    try:
        return ModbusWire(
            unit=_number(wire, "unit", 1, range(256) if wire.scheme in MBAP else _LINE_UNITS),
            timeout=timeout_of(wire),
            inflight=_number(wire, "inflight", 8, range(1, 257)) if wire.scheme in MBAP else 1,
            baud=_number(wire, "baud", 19200, range(50, 10_000_001)),
            parity=_parity(wire),
            stop=_number(wire, "stop", 1, range(1, 3)),
        )
    except ValueError as error:
        raise UsageError(str(error), f"for example {_example(wire)}") from None


def _number(wire: Wire, name: str, default: int, allowed: range) -> int:
    number = wire.number(name, default)
    if number not in allowed:
        raise ValueError(f"{wire}: {name} must be {allowed[0]} to {allowed[-1]}, not {number}")
    return number


def timeout_of(wire: Wire) -> float:
    """Return how long a response may take, in seconds; raises ValueError for what is no such time."""
    text = wire.option("timeout", "0.5")
    try:
        timeout = float(text)
    except ValueError:
        timeout = math.nan
    if not 0 < timeout <= 60:
        raise ValueError(f"{wire}: timeout must be seconds above 0 and up to 60, not {text}")
    return timeout


def _parity(wire: Wire) -> str:
    parity = wire.option("parity", "E").upper()
    if parity not in _PARITIES:
        raise ValueError(f"{wire}: parity must be N, E or O, not {parity}")
    return parity


def port_of(wire: Wire) -> int:
    """Return the TCP port: the one given, or the standard's."""
    return wire.port or (TLS_PORT if wire.scheme == TLS else TCP_PORT)


def _example(wire: Wire) -> str:
    place = wire.path if wire.scheme in SERIAL else f"{wire.host}:{port_of(wire)}"
    return f"{wire.scheme}://{place}?unit=1"
