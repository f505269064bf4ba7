"""Which emulator answers which protocol: ours in a table, others through `testbed.emulators`."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import cast

from testbed.errors import UsageError

from .base import Serve

GROUP = "testbed.emulators"

_OURS = {
    "modbus": "testbed.emulators.modbus",
    "scpi": "testbed.emulators.scpi",
    "cobs": "testbed.emulators.cobs",
    "ble": "testbed.emulators.ble",
    "lorawan": "testbed.emulators.lorawan",
}


def emulator_of(protocol: str) -> Serve:
    """Return the `serve` function of a protocol; raises UsageError when nothing can emulate it."""
    if protocol in _OURS:
        return cast(Serve, importlib.import_module(_OURS[protocol]).serve)
    points = list(entry_points(group=GROUP, name=protocol))
    if len(points) != 1:
        raise UsageError(
            f"{len(points) or 'no'} packages can emulate {protocol!r} devices",
            f"register one under the entry point {GROUP}",
        )
    return cast(Serve, points[0].load())
