"""What a device must offer for its profile: found out when it is connected, told where it falls short."""

from __future__ import annotations

from testbed.bench.device import Device
from testbed.errors import LinkError
from testbed.links.gatt_table import GattTable
from testbed.protocols.gatt import Characteristic, uuid_words
from testbed.signals import Access

_NEEDS = {
    Access.READ: {"read"},
    Access.NOTIFY: {"notify", "indicate"},
    Access.WRITE: {"write", "write-without-response"},
}


def abilities_of(device: Device, table: GattTable, each: Characteristic) -> frozenset[str]:
    """Return what a characteristic can do; raises LinkError for what the profile expects in vain."""
    able = table.properties(each.service, each.uuid)
    names = ", ".join(f"{device.name}.{name}" for name in each.fields)
    if able is None:
        services = ", ".join(map(uuid_words, table.services)) or "none"
        raise LinkError(
            f"{names}: the device has no {each}; its services are {services}",
            f"is this a {device.profile.name}? check the wire's address",
        )
    for name in each.fields:
        access = device.signals[name].access
        if not able & _NEEDS[access]:
            raise LinkError(
                f"{device.name}.{name}: the profile says {access}, but {each} "
                f"only has {', '.join(sorted(able)) or 'nothing'}"
            )
    return able
