"""What the wire of a Bluetooth LE device says: which device is meant, and how it is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .problems import nearest
from .uuids import uuid128, uuid_words
from .wires import Wire

OPTIONS = ("name", "service", "manufacturer", "pair", "passkey", "bus")
"""What a wire of Bluetooth LE takes."""

_EXAMPLE = "ble://C0:FF:EE:00:00:01, ble://?name=HIL%20Air or ble://?service=180D"
_MANUFACTURER = re.compile(r"(?:0x)?([0-9a-f]{4})(?::((?:[0-9a-f]{2})+))?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")


@dataclass(frozen=True)
class Manufacturer:
    """Manufacturer specific data: the company's number, and the bytes that follow it."""

    company: int
    data: bytes = b""

    def __str__(self) -> str:
        """Return it as it is written in wires and profiles."""
        return f"{self.company:04x}" + (f":{self.data.hex()}" if self.data else "")


@dataclass(frozen=True)
class BleWire:
    """Which device is meant: all that is given must hold. `service` is a 128-bit UUID in lower case."""

    address: str = ""
    name: str = ""
    """The advertised name; * stands for anything."""
    service: str = ""
    manufacturer: Manufacturer | None = None
    """The advertised data must begin so."""
    pair: bool = False
    passkey: int | None = field(default=None, repr=False)
    """Six digits that the device shows or has on its label; without one it is paired by Just Works."""
    bus: str = ""
    """D-Bus address under which BlueZ is reached; empty for the system's."""

    def named(self, name: str) -> bool:
        """Whether an advertised name is the one that is meant."""
        pattern = ".*".join(map(re.escape, self.name.split("*")))
        return not self.name or re.fullmatch(pattern, name, re.DOTALL) is not None

    def __str__(self) -> str:
        """Return who is meant, for people."""
        told = [
            self.address,
            f"a device named {self.name!r}" if self.name else "",
            f"a device with service {uuid_words(self.service)}" if self.service else "",
            f"a device of manufacturer {self.manufacturer}" if self.manufacturer else "",
        ]
        return " and ".join(filter(None, told)).replace(" and a device", " and")


def read_ble_wire(wire: Wire) -> BleWire:
    """Return what a wire says; raises ValueError that shows what is wrong."""
    for option in wire.options:
        if option not in OPTIONS:
            raise ValueError(f"{wire}: no option {option!r} ({nearest(option, OPTIONS)})")
    if wire.path not in ("", "/"):
        raise ValueError(f"{wire} has a path; write {_EXAMPLE}")
    if wire.host and not _ADDRESS.fullmatch(wire.host):
        raise ValueError(f"{wire} names no Bluetooth address; write {_EXAMPLE}")
    service = wire.option("service", "")
    manufacturer = wire.option("manufacturer", "")
    read = BleWire(
        wire.host, wire.option("name", ""), uuid128(service) if service else "",
        read_manufacturer(manufacturer) if manufacturer else None, *_pairing(wire),
        wire.option("bus", ""),
    )  # fmt: skip
    if not (read.address or read.name or read.service or read.manufacturer):
        raise ValueError(f"{wire} says of no device which it is; write {_EXAMPLE}")
    return read


def _pairing(wire: Wire) -> tuple[bool, int | None]:
    """Return whether to pair, and the passkey."""
    how, passkey = wire.option("pair", ""), wire.option("passkey", "")
    if how not in ("", "just-works"):
        raise ValueError(
            f"{wire}: pair={wire.redacted(how)} is not known; write pair=just-works or passkey=123456"
        )
    if how and passkey:
        raise ValueError(f"{wire}: a device is paired by pair=just-works or by a passkey, not by both")
    if passkey and not re.fullmatch(r"\d{6}", passkey):
        raise ValueError(f"{wire}: a passkey has six digits, for example passkey=012345")
    return bool(how or passkey), int(passkey) if passkey else None


def read_manufacturer(text: str) -> Manufacturer:
    """Return manufacturer data from its text form; raises ValueError for anything else."""
    found = _MANUFACTURER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no manufacturer data; write a company's number, 004C or 004C:0215")
    return Manufacturer(int(found[1], 16), bytes.fromhex(found[2] or ""))
