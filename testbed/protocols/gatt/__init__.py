"""GATT values without I/O: UUIDs, numbers in the assigned formats, characteristics of a profile."""

from testbed.bench.uuids import uuid16, uuid128, uuid_words

from .characteristic import Characteristic, characteristics
from .field import GattAddress
from .link import LinkAddress, OfLink, link_signals
from .numbers import GattType
from .settings import GattSettings, Pairing

__all__ = [
    "Characteristic",
    "GattAddress",
    "GattSettings",
    "GattType",
    "LinkAddress",
    "OfLink",
    "Pairing",
    "characteristics",
    "link_signals",
    "uuid16",
    "uuid128",
    "uuid_words",
]
