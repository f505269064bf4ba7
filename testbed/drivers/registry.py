"""Which driver speaks which protocol: ours in a table, others through the entry point `testbed.drivers`."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from testbed.bench.problems import nearest
from testbed.errors import UsageError

from .base import Driver

GROUP = "testbed.drivers"

_OURS = {
    "modbus": "testbed.drivers.modbus:ModbusDriver",
    "scpi": "testbed.drivers.scpi:ScpiDriver",
    "cobs": "testbed.drivers.cobs:CobsDriver",
    "ble": "testbed.drivers.ble:BleDriver",
    "lorawan": "testbed.drivers.lorawan:LorawanDriver",
}


def driver_class(protocol: str) -> type[Driver]:
    """Return the driver of a protocol; raises UsageError naming the nearest one known."""
    if protocol in _OURS:
        module, _, name = _OURS[protocol].partition(":")
        found = getattr(importlib.import_module(module), name)
    else:
        found = _installed(protocol)
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise UsageError(f"{found!r} is registered as the driver of {protocol!r} but is no Driver")
    return found


def _installed(protocol: str) -> object:
    points = list(entry_points(group=GROUP, name=protocol))
    if not points:
        known = [*_OURS, *(point.name for point in entry_points(group=GROUP))]
        raise UsageError(f"no driver speaks {protocol!r}: {nearest(protocol, known)}", "install its package")
    if len(points) > 1:
        packages = ", ".join(point.value for point in points)
        raise UsageError(
            f"{len(points)} packages claim the driver {protocol!r}: {packages}", "remove all but one"
        )
    return points[0].load()
