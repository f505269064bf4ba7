"""Where the signals of a cobs profile live: in which telemetry frame, at which offset, as which command."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from testbed.bench import units
from testbed.bench.problems import nearest
from testbed.bench.profile import Profile
from testbed.protocols.crc import CATALOGUE, Crc
from testbed.protocols.numbers import NumberType
from testbed.signals import Access

from .frames import FIRST_COMMAND, LAST_COMMAND, MAX_PAYLOAD

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


class CobsSettings(BaseModel):
    """What a cobs profile says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crc: str = Field("crc16-ccitt-false", description="CRC-16 of the frames, by its catalogue name")

    @field_validator("crc")
    @classmethod
    def _known(cls, name: str) -> str:
        known = [crc.name for crc in CATALOGUE.values() if crc.width == 16]
        if name not in known:
            raise ValueError(f"no CRC-16 is called {name!r}: {nearest(name, known)}")
        return name


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
            CATALOGUE[settings.crc],
            tuple(_telemetry(profile, kind, addresses) for kind in kinds),
            _commands(profile, addresses),
        )


def _telemetry(profile: Profile, kind: int, addresses: dict[str, CobsAddress]) -> TelemetryLayout:
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
        if end > MAX_PAYLOAD:
            raise profile.problem(name, f"{name} ends at byte {end}; a payload has {MAX_PAYLOAD}")
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
