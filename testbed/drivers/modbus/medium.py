"""What the drivers of all units at one wire share: whose turn it is, and when the line was last heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.bench.device import Device
from testbed.clock import Clock
from testbed.drivers.arbiter import Arbiter
from testbed.drivers.base import DriverContext
from testbed.errors import UsageError
from testbed.protocols.modbus import SERIAL, ModbusWire, place_of

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

    Raises UsageError when another device wants another speed of the same serial line.
    """
    place = place_of(device.wire)
    key = None if place is None else (device.wire.scheme, place)
    medium = context.shared.at(key, lambda: Medium(context.clock, options.inflight))
    if device.wire.scheme in SERIAL:
        _check_settings(device, medium)
    medium.users.append(device)
    medium.arbiter.depth = min(medium.arbiter.depth, options.inflight)
    return medium


def _check_settings(device: Device, medium: Medium) -> None:
    for other in medium.users:
        for option in ("baud", "parity", "stop"):
            ours, theirs = (each.wire.options.get(option) for each in (device, other))
            if ours != theirs:
                raise UsageError(
                    f"{device.name} and {other.name} are on one line, {device.wire.path}, but differ in "
                    f"{option}: {ours or 'not given'} and {theirs or 'not given'}",
                    "give both wires the same baud, parity and stop",
                )
