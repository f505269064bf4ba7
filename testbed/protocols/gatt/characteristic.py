"""A characteristic's value: the signals that share it, bytes to numbers and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from testbed.bench.profile import Profile
from testbed.bench.uuids import uuid_words
from testbed.signals import Access

from .field import GattAddress
from .link import link_signals
from .numbers import GattType

Told = tuple[str, float | None]
"""A signal and its number; None: the device says that it is not known."""


@dataclass(frozen=True)
class Characteristic:
    """One characteristic of a profile and the signals that share its value, by name."""

    service: str
    uuid: str
    fields: dict[str, GattAddress]

    @cached_property
    def flags(self) -> GattType | None:
        """The type of the flags that its value begins with, if it does."""
        return next((field.flags for field in self.fields.values() if field.flags), None)

    @cached_property
    def size(self) -> int:
        """Bytes that its value has, or has at least when it is open-ended."""
        placed = [field.end for field in self.fields.values() if field.flags is None]
        return max([self.flags.size if self.flags else 0, *placed])

    @cached_property
    def open_ended(self) -> bool:
        """Whether its value may hold more than the profile names."""
        return any(field.offset is not None or field.flags for field in self.fields.values())

    @property
    def indicates(self) -> bool:
        """Whether an emulated device waits for each value to be confirmed."""
        return any(field.indicate for field in self.fields.values())

    def answered(self, able: Iterable[str]) -> bool:
        """Whether writes to a characteristic that is `able` to so much are answered."""
        wanted = all(field.response for field in self.fields.values())
        return "write" in able and (wanted or "write-without-response" not in able)

    def __str__(self) -> str:
        """Return its name for people."""
        return f"characteristic {uuid_words(self.uuid)} of service {uuid_words(self.service)}"

    def decode(self, data: bytes) -> dict[str, float | None]:
        """Return the number of every signal that is there (None: not known), the last one of several.

        Raises ValueError for a wrong length.
        """
        return dict(self.told(data))

    def told(self, data: bytes) -> list[Told]:
        """Return all that a value says, in its order; a number that repeats as often as it comes.

        Raises ValueError for a wrong length.
        """
        if len(data) < self.size or (len(data) > self.size and not self.open_ended):
            least = "at least " if self.open_ended else ""
            raise ValueError(f"{self}: expected {least}{self.size} bytes, got {len(data)} ({data.hex(' ')})")
        placed = [(name, field.unpack(data)) for name, field in self.fields.items() if field.flags is None]
        return placed + list(self._row(data))

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the value that holds every signal's number; raises ValueError for what does not fit.

        A number that flags announce is left out when it is NaN.
        """
        data = bytearray(self.size)
        for name, field in self.fields.items():
            if field.flags is None:
                place = slice(field.offset or 0, field.end)
                own = field.pack(values[name])
                if field.bits:  # others may share its bytes
                    own = bytes(a | b for a, b in zip(data[place], own, strict=True))
                data[place] = own
        if self.flags is not None:
            flags, row = self._filled(values)
            size = self.flags.size
            data[:size] = (flags | int.from_bytes(data[:size], "little")).to_bytes(size, "little")
            data += row
        return bytes(data)

    def _row(self, data: bytes) -> Iterator[Told]:
        """Yield the numbers that follow the flags, as these announce them."""
        if self.flags is None:
            return
        at = self.flags.size
        flags = int.from_bytes(data[:at], "little")
        for name, field in self.fields.items():
            if field.flags is None or (field.present is not None and not flags >> field.present & 1):
                continue
            kind = _kind(field, flags)
            for _ in range(max(1, (len(data) - at) // kind.size) if field.repeats else 1):
                if at + kind.size > len(data):
                    raise ValueError(
                        f"{self}: flags 0x{flags:02X} announce {name}, but the value ends before it "
                        f"({data.hex(' ')})"
                    )
                yield name, field.number(data[at : at + kind.size], kind)
                at += kind.size

    def _filled(self, values: Mapping[str, float]) -> tuple[int, bytes]:
        """Return flags, and the numbers that they announce."""
        flags, row = 0, b""
        for name, field in self.fields.items():
            if field.flags is None or (field.present is not None and math.isnan(values[name])):
                continue
            flags |= 0 if field.present is None else 1 << field.present
            if field.wide is not None and values[name] / field.scale > field.type.bounds[1]:
                flags |= 1 << field.wide
            row += field.packed(values[name], _kind(field, flags))
        return flags, row


def _kind(field: GattAddress, flags: int) -> GattType:
    wide = field.wide is not None and flags >> field.wide & 1
    return (field.type.wider or field.type) if wide else field.type


def characteristics(profile: Profile) -> list[Characteristic]:
    """Return the characteristics that a profile's signals live in, in the profile's order.

    Raises BenchFileError naming each wrong line, and for writable signals that share a value: writing
    one would need the others, which cannot be known.
    """
    own = set(profile.signals) - set(link_signals(profile))
    held = {name: spec for name, spec in profile.signals.items() if name in own}
    addresses = replace(profile, signals=held).addresses(GattAddress)
    found: dict[tuple[str, str], dict[str, GattAddress]] = {}
    for name, address in addresses.items():
        found.setdefault((address.service, address.characteristic), {})[name] = address
    for fields in found.values():
        _check_writable(profile, fields)
        _check_row(profile, fields)
    return [Characteristic(service, uuid, fields) for (service, uuid), fields in found.items()]


def _check_writable(profile: Profile, fields: Mapping[str, GattAddress]) -> None:
    written = [name for name in fields if profile.signals[name].access is Access.WRITE]
    for name in written[1:]:
        raise profile.problem(name, f"{name} and {written[0]} are written to the same characteristic")
    if not written:
        return
    field = fields[written[0]]
    if field.offset:
        raise profile.problem(written[0], f"{written[0]} is writable, so its value must begin at offset 0")
    if field.bits or field.flags:
        raise profile.problem(written[0], f"{written[0]} is writable, so it has the whole value to itself")


def _check_row(profile: Profile, fields: Mapping[str, GattAddress]) -> None:
    row = [(name, field) for name, field in fields.items() if field.flags]
    for (name, field), (after, _) in pairwise(row):
        if field.repeats:
            raise profile.problem(name, f"{name} repeats up to the value's end, so {after} cannot follow it")
    for name, field in row[1:]:
        if field.flags is not row[0][1].flags:
            raise profile.problem(name, f"{name} and {row[0][0]} differ in the type of their flags")
