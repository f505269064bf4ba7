"""Who an emulated device is on the air: what its wire looks for, and what its profile says."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from testbed.bench.ble_wire import Manufacturer, read_ble_wire
from testbed.bench.device import Device
from testbed.bench.units import seconds
from testbed.errors import TestbedError
from testbed.protocols.gatt import GattSettings

from .advertising import advertising_data


@dataclass(frozen=True)
class Identity:
    """A device's address, and what it advertises."""

    address: str
    name: str
    service: str
    manufacturer: Manufacturer | None
    interval: float
    """Seconds between two advertisements."""

    def packet(self, services: Iterable[str]) -> bytes:
        """Return the advertising packet of a device with `services`: the one looked for comes first."""
        first = [self.service] if self.service else []
        return advertising_data(self.name, [*first, *services], self.manufacturer)


def identity_of(device: Device) -> Identity:
    """Return who a device is; raises TestbedError for a wire that says of nobody who it is."""
    try:
        wire = read_ble_wire(device.wire)
    except ValueError as error:
        raise TestbedError(f"{device.name}: {error}") from None
    of_bytes = device.wire.scheme == "nus"  # then the profile is another protocol's
    settings = GattSettings() if of_bytes else device.profile.settings(GattSettings)
    name = settings.advertised_name
    if not wire.named(name):
        name = wire.name.replace("*", "")
    found = Identity(
        wire.address or _address(device.name), name, wire.service,
        wire.manufacturer or settings.advertised_manufacturer, seconds(settings.advertising_interval),
    )  # fmt: skip
    try:
        found.packet([])
    except ValueError as error:
        raise TestbedError(f"{device.name}: {error}", "shorten the advertised name") from None
    return found


def wire_of(device: Device, bus: str) -> str:
    """Return the wire at which an emulated device is reached: its own, on another D-Bus."""
    options = {**device.wire.options, **({"bus": bus} if bus else {})}
    query = urlencode(options, safe="/:=", quote_via=quote)
    return f"{device.wire.scheme}://{device.wire.host}" + (f"?{query}" if query else "")


def _address(name: str) -> str:
    """Return a random static address (Core Specification 5.4, vol 6 part B, 1.3.2.1) made of a name."""
    return ":".join(f"{byte:02X}" for byte in (0xC2, 0x7E, *zlib.crc32(name.encode()).to_bytes(4, "big")))
