"""Which emulator answers which protocol: ours in a table, others through `testbed.emulators`."""

from __future__ import annotations

from typing import cast

from testbed.bench.device import Device
from testbed.bench.plugins import find_part

from .base import Serve

GROUP = "testbed.emulators"

_OURS = {
    "modbus": "testbed.emulators.modbus:serve",
    "scpi": "testbed.emulators.scpi:serve",
    "cobs": "testbed.emulators.cobs:serve",
    "text": "testbed.emulators.text:serve",
    "ble": "testbed.emulators.ble:serve",
    "mqtt": "testbed.emulators.mqtt:serve",
    "sparkplug": "testbed.emulators.sparkplug:serve",
    "lorawan": "testbed.emulators.lorawan:serve",
}


def part_of(device: Device) -> str:
    """Return the protocol whose emulator answers for a device: whatever is on the air, is on one."""
    return "ble" if device.wire.scheme == "nus" else device.profile.protocol


def emulator_of(protocol: str) -> Serve:
    """Return the `serve` function of a protocol; raises UsageError when nothing can emulate it."""
    return cast(Serve, find_part(GROUP, _OURS, protocol, "nothing can emulate"))
