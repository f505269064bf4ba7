"""The serial wire of a device: its settings, checked before anything is opened."""

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


@dataclass(frozen=True)
class SerialPort:
    """`serial:///dev/ttyUSB0?baud=115200&parity=N&stop=1`: 8 data bits, no flow control."""

    path: str
    baud: int = 115200
    parity: str = "N"
    stop_bits: float = 1.0

    @classmethod
    def of(cls, device: Device) -> SerialPort:
        """Return the port of a device's wire; raises UsageError for settings that no port has."""
        wire = device.wire
        where = f"{device.name}: wire {wire}"
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

    def open(self, wires: Wires, received: BytesReceived, lost: Lost) -> ByteLink:
        """Open it; raises LinkLost when it is missing, taken or refuses the settings."""
        return wires.serial(
            self.path,
            received=received,
            lost=lost,
            baud=self.baud,
            parity=self.parity,
            stop_bits=self.stop_bits,
        )
