"""GATT characteristic values: where a profile puts its signals, and bytes to numbers and back.

Values are little-endian (Core Specification 5.4, vol 3 part F, 3.2.9); the formats of adopted
characteristics are those of the GATT Specification Supplement (GSS).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from testbed.bench.profile import Profile
from testbed.signals import Access

from .numbers import NumberType, to_raw

_BASE = "-0000-1000-8000-00805f9b34fb"
"""The Bluetooth Base UUID's tail (Core Specification 5.4, vol 3 part B, 2.5.1)."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORT = re.compile(r"(?:0x)?([0-9a-f]{4}|[0-9a-f]{8})")


def uuid128(uuid: int | str) -> str:
    """Return a UUID's 128-bit form in lower case; 16- and 32-bit ones are set into the base UUID.

    Raises ValueError when it is neither a number of at most 32 bits nor a UUID in text.
    """
    if isinstance(uuid, int) and not isinstance(uuid, bool) and 0 <= uuid < 1 << 32:
        return f"{uuid:08x}{_BASE}"
    text = str(uuid).strip().lower()
    if isinstance(uuid, str) and _UUID.fullmatch(text):
        return text
    short = _SHORT.fullmatch(text) if isinstance(uuid, str) else None
    if short is None:
        raise ValueError(f"{uuid!r} is no UUID; write 0x2A6E or 12345678-1234-5678-1234-56789abcdef0")
    return f"{short[1]:0>8}{_BASE}"


def uuid16(uuid: str) -> int | None:
    """Return the 16-bit form of a 128-bit UUID in text, or None when it has none."""
    return int(uuid[:8], 16) if uuid.startswith("0000") and uuid.endswith(_BASE) else None


def uuid_words(uuid: str) -> str:
    """Return a UUID as people write it: 0x2A6E where it has a short form."""
    short = uuid16(uuid)
    return uuid if short is None else f"0x{short:04X}"


# GSS: raw codes that stand for "value is not known". Others may follow the same way.
_NOT_KNOWN = {
    (uuid128(0x2A6E), NumberType.INT16): -0x8000,  # GSS, Temperature
    (uuid128(0x2A6F), NumberType.UINT16): 0xFFFF,  # GSS, Humidity
}

Uuid = Annotated[str, BeforeValidator(uuid128)]


class GattAddress(BaseModel):
    """Where a signal lives: the address keys of a BLE profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Uuid = Field(description="UUID of the service, for example 0x181A")
    characteristic: Uuid = Field(description="UUID of the characteristic, for example 0x2A6E")
    type: NumberType = Field(description="How the number stands in the value, little-endian")
    scale: float = Field(default=1.0, description="Unit per count: value = raw x scale")
    offset: int | None = Field(
        default=None, ge=0, le=511, description="First byte, for a value that holds several numbers"
    )

    @field_validator("scale")
    @classmethod
    def _usable(cls, scale: float) -> float:
        if scale == 0 or not math.isfinite(scale):
            raise ValueError("scale must be a number other than 0")
        return scale

    @property
    def end(self) -> int:
        """The byte after its last."""
        return (self.offset or 0) + self.type.size

    @property
    def not_known(self) -> int | None:
        """The raw code by which the device says that it has no value, where the GSS defines one."""
        return _NOT_KNOWN.get((self.characteristic, self.type))

    def unpack(self, data: bytes) -> float | None:
        """Return the number in a characteristic's value, or None for "not known"."""
        raw = struct.unpack_from("<" + self.type.code, data, self.offset or 0)[0]
        if not math.isfinite(raw) or raw == self.not_known:
            return None
        return float(raw * self.scale)

    def pack(self, value: float) -> bytes:
        """Return the number's bytes; NaN is "not known" where there is a code for it.

        Raises ValueError for what cannot be sent.
        """
        if math.isnan(value) and self.not_known is not None:
            return struct.pack("<" + self.type.code, self.not_known)
        raw = to_raw(self.type, value, self.scale)
        if raw == self.not_known:
            raise ValueError(f"{value} cannot be sent: its code means that the value is not known")
        try:
            return struct.pack("<" + self.type.code, raw)
        except OverflowError:
            raise ValueError(f"{value} does not fit {self.type.value}") from None


class GattSettings(BaseModel):
    """The keys at the top of a BLE profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    advertised_name: str = Field(default="", description="Local name that the device advertises")

    @field_validator("advertised_name")
    @classmethod
    def _fits(cls, name: str) -> str:
        # A legacy advertising packet holds 31 bytes (vol 6 part B, 2.3.1), of which flags take 3.
        if len(name.encode()) > 26:
            raise ValueError("advertised_name must fit 26 bytes")
        return name


@dataclass(frozen=True)
class Characteristic:
    """One characteristic of a profile and the signals that share its value, by name."""

    service: str
    uuid: str
    fields: dict[str, GattAddress]

    @property
    def size(self) -> int:
        """Bytes that its value has, or has at least when the profile gives offsets into it."""
        return max(field.end for field in self.fields.values())

    @property
    def open_ended(self) -> bool:
        """Whether its value may hold more than the profile names."""
        return any(field.offset is not None for field in self.fields.values())

    def __str__(self) -> str:
        """Return its name for people."""
        return f"characteristic {uuid_words(self.uuid)} of service {uuid_words(self.service)}"

    def decode(self, data: bytes) -> dict[str, float | None]:
        """Return every signal's number (None: not known); raises ValueError for a wrong length."""
        if len(data) < self.size or (len(data) > self.size and not self.open_ended):
            least = "at least " if self.open_ended else ""
            raise ValueError(f"{self}: expected {least}{self.size} bytes, got {len(data)} ({data.hex(' ')})")
        return {name: field.unpack(data) for name, field in self.fields.items()}

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the value that holds every signal's number; raises ValueError for what does not fit."""
        data = bytearray(self.size)
        for name, field in self.fields.items():
            data[field.offset or 0 : field.end] = field.pack(values[name])
        return bytes(data)


def characteristics(profile: Profile) -> list[Characteristic]:
    """Return the characteristics that a profile's signals live in, in the profile's order.

    Raises BenchFileError naming each wrong line, and for writable signals that share a value: writing
    one would need the others, which cannot be known.
    """
    addresses = profile.addresses(GattAddress)
    found: dict[tuple[str, str], dict[str, GattAddress]] = {}
    for name, address in addresses.items():
        found.setdefault((address.service, address.characteristic), {})[name] = address
    for fields in found.values():
        written = [name for name in fields if profile.signals[name].access is Access.WRITE]
        for name in written[1:]:
            raise profile.problem(name, f"{name} and {written[0]} are written to the same characteristic")
        if written and fields[written[0]].offset:
            raise profile.problem(
                written[0], f"{written[0]} is writable, so its value must begin at offset 0"
            )
    return [Characteristic(service, uuid, fields) for (service, uuid), fields in found.items()]
