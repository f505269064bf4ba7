"""What the drivers of all units at one wire share: whose turn it is, and when the line was last heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.bench.device import Device
from testbed.clock import Clock
from testbed.drivers.arbiter import Arbiter
from testbed.drivers.base import DriverContext
from testbed.errors import UsageError
from testbed.protocols.modbus import SERIAL, ModbusWire, place_of, port_of

if TYPE_CHECKING:
    from .line import LateResponse


class Medium:
    """One wire, whoever speaks on it."""

    def __init__(self, clock: Clock, depth: int) -> None:
        self.arbiter = Arbiter(clock, depth)
        self.heard_ns = 0
        """When the last byte came, from whichever unit."""
        self.listening: LateResponse | None = None
        self.users: list[Device] = []


def medium_of(device: Device, options: ModbusWire, context: DriverContext) -> Medium:
    """Return the medium of a device's wire; the most cautious of its users says how much is in flight.

    Raises UsageError when another device wants another speed of the same serial line, or another certificate.
    """
    place = place_of(device.wire)
    key = None if place is None else (device.wire.scheme, place)
    medium = context.shared.at(key, lambda: Medium(context.clock, options.inflight))
    _check_settings(device, medium)
    medium.users.append(device)
    medium.arbiter.depth = min(medium.arbiter.depth, options.inflight)
    return medium


def _check_settings(device: Device, medium: Medium) -> None:
    options = ("baud", "parity", "stop") if device.wire.scheme in SERIAL else ("ca", "cert", "key")
    for other in medium.users:
        for option in options:
            ours, theirs = (each.wire.options.get(option) for each in (device, other))
            if ours != theirs:
                raise UsageError(
                    f"{device.name} and {other.name} are on one line, {_where(device)}, but differ in "
                    f"{option}: {ours or 'not given'} and {theirs or 'not given'}",
                    f"give both wires the same {', '.join(options[:-1])} and {options[-1]}",
                )


def _where(device: Device) -> str:
    wire = device.wire
    return wire.path if wire.scheme in SERIAL else f"{wire.host}:{port_of(wire)}"
