"""The wire of a device that speaks in bytes: a serial port, or one behind a converter on a network."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.bench.device import Device
from testbed.bench.problems import nearest
from testbed.errors import UsageError
from testbed.links import ByteLink, Wires
from testbed.links.base import BytesReceived, Lost

_PARITIES = {"N": "none", "E": "even", "O": "odd"}
_STOP_BITS = {"1": 1.0, "1.5": 1.5, "2": 2.0}
_OPTIONS = ("baud", "parity", "stop")

SERIAL, SOCKET = "serial", "socket"
SCHEMES = (SERIAL, SOCKET)
"""Wires of bytes: a port of this machine, or a socket on which a converter passes them on."""


@dataclass(frozen=True)
class SerialPort:
    """`serial:///dev/ttyUSB0?baud=115200&parity=N&stop=1`, 8 data bits, no flow control; or `socket://HOST:PORT`.

    At a socket it is the converter's settings that count.
    """

    path: str
    baud: int = 115200
    parity: str = "N"
    stop_bits: float = 1.0
    host: str = ""
    port: int = 0

    @classmethod
    def of(cls, device: Device) -> SerialPort:
        """Return the port of a device's wire; raises UsageError for settings that no port has."""
        wire = device.wire
        where = f"{device.name}: wire {wire}"
        if wire.scheme == SOCKET:
            return cls._socket(device)
        for option in wire.options:
            if option not in _OPTIONS:
                raise UsageError(f"{where}: unknown option {option!r}", nearest(option, _OPTIONS))
        if not wire.path or wire.host:
            raise UsageError(
                f"{where} names no port", "write three slashes and a path: serial:///dev/ttyUSB0?baud=115200"
            )
        try:
            baud = wire.number("baud", 115200)
        except ValueError as error:
            raise UsageError(f"{device.name}: {error}") from None
        if baud <= 0:
            raise UsageError(f"{where}: baud must be above 0")
        parity, stop = wire.option("parity", "N").upper(), wire.option("stop", "1")
        if parity not in _PARITIES:
            raise UsageError(f"{where}: parity={parity} is none of {', '.join(_PARITIES)}")
        if stop not in _STOP_BITS:
            raise UsageError(f"{where}: stop={stop} is none of {', '.join(_STOP_BITS)}")
        return cls(wire.path, baud, parity, _STOP_BITS[stop])

    @classmethod
    def _socket(cls, device: Device) -> SerialPort:
        wire = device.wire
        for option in wire.options:
            raise UsageError(f"{device.name}: wire {wire}: unknown option {option!r}", "a socket has none")
        if not wire.host or wire.port is None or wire.path:
            raise UsageError(
                f"{device.name}: wire {wire} names no socket", "write for example socket://10.0.0.7:4001"
            )
        return cls(f"{wire.host}:{wire.port}", host=wire.host, port=wire.port)

    @property
    def settings(self) -> str:
        """What to check when nothing that makes sense is heard."""
        return "as the converter is set" if self.host else f"at {self.baud} baud"

    async def open(self, wires: Wires, received: BytesReceived, lost: Lost) -> ByteLink:
        """Open it; raises LinkLost when it is missing, taken or refuses the settings."""
        if self.host:
            return await wires.tcp(self.host, self.port, received=received, lost=lost)
        return wires.serial(
            self.path,
            received=received,
            lost=lost,
            baud=self.baud,
            parity=self.parity,
            stop_bits=self.stop_bits,
        )
