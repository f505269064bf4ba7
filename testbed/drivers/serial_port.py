"""The wire of a device that speaks in bytes: a serial port, or one behind a converter on a network."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.bench.ble_wire import BleWire, read_ble_wire
from testbed.bench.device import Device
from testbed.bench.problems import nearest
from testbed.errors import UsageError
from testbed.links import ByteLink, Wires
from testbed.links.base import BytesReceived, Lost
from testbed.links.port import PortSettings

_PARITIES = {"N": "none", "E": "even", "O": "odd"}
_STOP_BITS = {"1": 1.0, "1.5": 1.5, "2": 2.0}
_OPTIONS = ("baud", "parity", "stop", "dtr", "rts")
_SWITCH = {"on": True, "off": False}

SERIAL, SOCKET, RFC2217, NUS = "serial", "socket", "rfc2217", "nus"
SCHEMES = (SERIAL, SOCKET, RFC2217, NUS)
"""Wires of bytes: a port of this machine, a converter's socket, a server's port, a UART over the air."""


@dataclass(frozen=True)
class SerialPort:
    """`serial:///dev/ttyUSB0?baud=115200&parity=N&stop=1`, 8 data bits, no flow control; or `socket://HOST:PORT`.

    At a socket it is the converter's settings that count; `rfc2217://HOST:PORT?baud=115200` sets them.
    `dtr=off` and `rts=off` keep those lines down from before the port opens; on, as usual, is the default.
    """

    path: str
    baud: int = 115200
    parity: str = "N"
    stop_bits: float = 1.0
    host: str = ""
    port: int = 0
    dtr: bool | None = None
    rts: bool | None = None
    radio: BleWire | None = None
    """Who passes the bytes on over Bluetooth LE, if somebody does."""
    set_by_us: bool = True
    """Whether speed and lines are ours to set; not at a converter's socket."""

    @classmethod
    def of(cls, device: Device) -> SerialPort:
        """Return the port of a device's wire; raises UsageError for settings that no port has."""
        wire = device.wire
        where = f"{device.name}: wire {wire}"
        if wire.scheme == SOCKET:
            return cls._socket(device)
        if wire.scheme == NUS:
            return cls._radio(device)
        for option in wire.options:
            if option not in _OPTIONS:
                raise UsageError(f"{where}: unknown option {option!r}", nearest(option, _OPTIONS))
        if wire.scheme == RFC2217:
            _check_socket(device)
        elif not wire.path or wire.host:
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
        return cls(
            wire.path,
            baud,
            parity,
            _STOP_BITS[stop],
            wire.host,
            wire.port or 0,
            dtr=_switch(device, "dtr"),
            rts=_switch(device, "rts"),
        )

    @classmethod
    def _socket(cls, device: Device) -> SerialPort:
        wire = device.wire
        for option in wire.options:
            raise UsageError(f"{device.name}: wire {wire}: unknown option {option!r}", "a socket has none")
        _check_socket(device)
        return cls(f"{wire.host}:{wire.port}", host=wire.host, port=wire.port or 0, set_by_us=False)

    @classmethod
    def _radio(cls, device: Device) -> SerialPort:
        try:
            wire = read_ble_wire(device.wire)
        except ValueError as error:
            raise UsageError(f"{device.name}: {error}") from None
        return cls(str(wire), radio=wire, set_by_us=False)

    @property
    def settings(self) -> str:
        """What to check when nothing that makes sense is heard."""
        return f"at {self.baud} baud" if self.set_by_us else "as the converter is set"

    async def open(self, wires: Wires, received: BytesReceived, lost: Lost) -> ByteLink:
        """Open it; raises LinkLost when it is missing, taken or refuses the settings."""
        if self.radio is not None:
            return await wires.nus(self.radio, received=received, lost=lost)
        if self.host and self.set_by_us:
            settings = PortSettings(self.baud, self.parity, self.stop_bits, self.dtr, self.rts)
            return await wires.rfc2217(self.host, self.port, received=received, lost=lost, settings=settings)
        if self.host:
            return await wires.tcp(self.host, self.port, received=received, lost=lost)
        return wires.serial(
            self.path,
            received=received,
            lost=lost,
            baud=self.baud,
            parity=self.parity,
            stop_bits=self.stop_bits,
            dtr=self.dtr,
            rts=self.rts,
        )


def _check_socket(device: Device) -> None:
    wire = device.wire
    if not wire.host or not wire.port or wire.path:
        raise UsageError(
            f"{device.name}: wire {wire} names no socket", f"write for example {wire.scheme}://10.0.0.7:4001"
        )


def _switch(device: Device, name: str) -> bool | None:
    text = device.wire.option(name, "").lower()
    if text and text not in _SWITCH:
        raise UsageError(f"{device.name}: wire {device.wire}: {name}={text} is neither on nor off")
    return _SWITCH.get(text)
