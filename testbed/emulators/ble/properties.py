"""What BlueZ tells of devices and their GATT databases (BlueZ 5.66, doc/device-api.txt, doc/gatt-api.txt)."""

from __future__ import annotations

from typing import Any

from bumble.core import AdvertisingData
from bumble.device import Advertisement
from bumble.gatt_client import CharacteristicProxy
from dbus_fast import Variant

from .objects import Properties

DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"

FLAGS = {
    "read": 0x02,
    "write-without-response": 0x04,
    "write": 0x08,
    "notify": 0x10,
    "indicate": 0x20,
}
SENDS = FLAGS["notify"] | FLAGS["indicate"]


def uuid_text(uuid: Any) -> str:
    """Return a UUID of bumble's (which keeps it little-endian) in text, 128 bits, lower case."""
    digits = bytes(reversed(uuid.to_bytes(force_128=True))).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def device_properties(path: str, address: str) -> Properties:
    """Return what BlueZ knows of a device that it never met."""
    return {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", address.replace(":", "-")),
        "Adapter": Variant("o", path.rpartition("/")[0]),
        "UUIDs": Variant("as", []),
        **{name: Variant("b", False) for name in ("Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing")},
        **{name: Variant("b", False) for name in ("Connected", "ServicesResolved")},
    }


def advertised(advertisement: Advertisement) -> Properties:
    """Return what an advertisement says, as properties of org.bluez.Device1."""
    kinds = AdvertisingData.Type
    data = advertisement.data
    found: Properties = {"RSSI": Variant("n", advertisement.rssi)}
    if name := data.get(kinds.COMPLETE_LOCAL_NAME) or data.get(kinds.SHORTENED_LOCAL_NAME):
        found["Name"] = found["Alias"] = Variant("s", name)
    services = [
        uuid_text(uuid)
        for kind in (
            kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
            kinds.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
            kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
            kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        )
        for uuid in data.get(kind) or ()
    ]
    if told := data.get_all(kinds.MANUFACTURER_SPECIFIC_DATA):
        found["ManufacturerData"] = Variant("a{qv}", {who: Variant("ay", what) for who, what in told})
    if services:
        found["UUIDs"] = Variant("as", services)
    return found


def service_properties(device: str, uuid: str) -> Properties:
    """Return the properties of an org.bluez.GattService1."""
    return {
        "UUID": Variant("s", uuid),
        "Device": Variant("o", device),
        "Primary": Variant("b", True),
        "Includes": Variant("ao", []),
    }


def characteristic_properties(
    service: str, characteristic: CharacteristicProxy[bytes], mtu: int
) -> Properties:
    """Return the properties of an org.bluez.GattCharacteristic1."""
    bits = int(characteristic.properties)
    properties = {
        "UUID": Variant("s", uuid_text(characteristic.uuid)),
        "Service": Variant("o", service),
        "Value": Variant("ay", b""),
        "Flags": Variant("as", [name for name, bit in FLAGS.items() if bits & bit]),
        "MTU": Variant("q", mtu),
    }
    if bits & SENDS:
        properties["Notifying"] = Variant("b", False)
    return properties
