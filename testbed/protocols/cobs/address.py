"""Where the signals of a cobs profile live: in which telemetry frame, at which offset, as which command."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from testbed.bench import units
from testbed.bench.problems import nearest
from testbed.bench.profile import Profile
from testbed.protocols.crc import CATALOGUE, Crc
from testbed.protocols.numbers import NumberType
from testbed.signals import Access

from .frames import FIRST_COMMAND, LAST_COMMAND, MAX_PAYLOAD, longest_payload

SLOWEST = 0.5
"""Hz: telemetry is also the sign of life, so it cannot be rarer."""


class CobsAddress(BaseModel):
    """One field of a telemetry frame, or one command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    telemetry: int | None = Field(None, ge=0, lt=FIRST_COMMAND, description="Type of the telemetry frame")
    offset: int = Field(0, ge=0, lt=MAX_PAYLOAD, description="First byte of the field in the payload")
    command: int | None = Field(None, ge=FIRST_COMMAND, le=LAST_COMMAND, description="Type of the command")
    type: NumberType = Field(description="Shape of the number on the wire")
    scale: float = Field(1.0, gt=0, allow_inf_nan=False, description="Value = raw number x scale")

    @model_validator(mode="after")
    def _one_place(self) -> CobsAddress:
        if (self.telemetry is None) == (self.command is None):
            raise ValueError("a signal lives in one place: give telemetry: ID or command: ID")
        if self.command is not None and "offset" in self.model_fields_set:
            raise ValueError("a command carries one value and has no offset")
        return self


WIDTHS = (16, 32)


class OwnCrc(BaseModel):
    """A CRC by its numbers, as the RevEng catalogue tells them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Literal[16, 32]
    poly: int = Field(gt=0, lt=1 << 32, description="Polynomial without its top bit")
    init: int = Field(0, ge=0, lt=1 << 32)
    refin: bool = Field(False, description="Bits go in lowest first")
    refout: bool = Field(False, description="And come out so")
    xorout: int = Field(0, ge=0, lt=1 << 32)

    @model_validator(mode="after")
    def _fits(self) -> OwnCrc:
        if max(self.poly, self.init, self.xorout) >> self.width:
            raise ValueError(f"poly, init and xorout have at most {self.width} bits")
        return self


class CobsSettings(BaseModel):
    """What a cobs profile says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crc: str | OwnCrc = Field(
        "crc16-ccitt-false", description="CRC-16 or CRC-32 of the frames: a catalogue name, or its numbers"
    )

    @field_validator("crc")
    @classmethod
    def _known(cls, crc: str | OwnCrc) -> str | OwnCrc:
        known = [each.name for each in CATALOGUE.values() if each.width in WIDTHS]
        if isinstance(crc, str) and crc not in known:
            raise ValueError(f"no CRC-16 or CRC-32 is called {crc!r}: {nearest(crc, known)}")
        return crc

    def algorithm(self) -> Crc:
        """Return the CRC."""
        if isinstance(self.crc, str):
            return CATALOGUE[self.crc]
        own = self.crc
        made = Crc(f"own-{own.poly:X}", own.width, own.poly, own.init, own.refin, own.refout, own.xorout, 0)
        return replace(made, check=made(b"123456789"))


@dataclass(frozen=True)
class CommandLayout:
    """The payload of one command: `signal` holds what `layout` packs, times `scale`."""

    kind: int
    signal: str
    type: NumberType
    scale: float
    layout: struct.Struct


@dataclass(frozen=True)
class TelemetryLayout:
    """The fields of one telemetry frame in the order of `layout`: (signal, type, scale)."""

    kind: int
    fields: tuple[tuple[str, NumberType, float], ...]
    layout: struct.Struct
    period_ns: int


@dataclass(frozen=True)
class CobsProfile:
    """A profile, checked and compiled for both ends of the wire."""

    crc: Crc
    telemetry: tuple[TelemetryLayout, ...]
    commands: tuple[CommandLayout, ...]

    @classmethod
    def of(cls, profile: Profile) -> CobsProfile:
        """Compile `profile`; raises BenchFileError naming each wrong line."""
        settings = profile.settings(CobsSettings)
        addresses = profile.addresses(CobsAddress)
        kinds = sorted({a.telemetry for a in addresses.values() if a.telemetry is not None})
        if not kinds:
            first = next(iter(profile.signals))
            raise profile.problem(
                first, f"{profile.name} has no telemetry signal, so nothing shows that the device is alive"
            )
        return cls(
            settings.algorithm(),
            tuple(_telemetry(profile, kind, addresses, settings.algorithm()) for kind in kinds),
            _commands(profile, addresses),
        )


def _telemetry(profile: Profile, kind: int, addresses: dict[str, CobsAddress], crc: Crc) -> TelemetryLayout:
    inside = sorted(
        ((name, address) for name, address in addresses.items() if address.telemetry == kind),
        key=lambda item: item[1].offset,
    )
    shape, end = "<", 0
    for name, address in inside:
        if profile.signals[name].access is not Access.NOTIFY:
            raise profile.problem(name, f"{name} comes as telemetry", "write access: notify")
        if address.offset < end:
            raise profile.problem(
                name, f"{name} overlaps the field before it, which ends at {end}", f"write offset: {end}"
            )
        shape += f"{address.offset - end}x{address.type.code}"
        end = address.offset + address.type.size
        if end > longest_payload(crc):
            raise profile.problem(name, f"{name} ends at byte {end}; a payload has {longest_payload(crc)}")
    return TelemetryLayout(
        kind,
        tuple((name, address.type, address.scale) for name, address in inside),
        struct.Struct(shape),
        round(1e9 / _rate(profile, [name for name, _ in inside])),
    )


def _rate(profile: Profile, names: list[str]) -> float:
    """Return the rate in Hz at which the fields of one frame come: together."""
    rates = {name: profile.signals[name].rate for name in names}
    for name, rate in rates.items():
        if rate is None or units.hertz(rate) < SLOWEST:
            raise profile.problem(
                name, f"{name} needs a rate of at least {SLOWEST:g} Hz: telemetry is the sign of life"
            )
    hertz = {name: units.hertz(rate) for name, rate in rates.items() if rate is not None}
    for name in names:
        if hertz[name] != hertz[names[0]]:
            raise profile.problem(
                name, f"{name} comes in one frame with {names[0]} but has another rate", "make them equal"
            )
    return hertz[names[0]]


def _commands(profile: Profile, addresses: dict[str, CobsAddress]) -> tuple[CommandLayout, ...]:
    found: dict[int, CommandLayout] = {}
    for name, address in addresses.items():
        if address.command is None:
            continue
        if profile.signals[name].access is not Access.WRITE:
            raise profile.problem(name, f"{name} is a command", "write access: write and safe: VALUE")
        if address.command in found:
            other = found[address.command].signal
            raise profile.problem(name, f"{name} and {other} are both command 0x{address.command:02X}")
        found[address.command] = CommandLayout(
            address.command, name, address.type, address.scale, struct.Struct("<" + address.type.code)
        )
    return tuple(found.values())
