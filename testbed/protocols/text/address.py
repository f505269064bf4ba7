"""Where the signals of a text profile live: in which line, in which field, as what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from testbed.bench import units
from testbed.bench.profile import Profile
from testbed.signals import Access

from .lines import Checksum

SLOWEST = 0.1
"""Hz: lines are also the sign of life, so they cannot be rarer."""


class Form(StrEnum):
    """What a field holds."""

    NUMBER = "number"
    HEX = "hex"
    LATITUDE = "latitude"
    """Degrees and minutes of arc, ddmm.mmmm, with N or S in the field after it (IEC 61162-1)."""
    LONGITUDE = "longitude"
    """The same as dddmm.mmmm with E or W."""


_SIDES = {Form.LATITUDE: "NS", Form.LONGITUDE: "EW"}


class TextAddress(BaseModel):
    """One field of one kind of line."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    line: str = Field("", description="What the first field says, or ends with (GGA); empty: every line")
    field: int = Field(ge=0, lt=100, description="Which field, counted from 0")
    form: Form = Field(Form.NUMBER, alias="as", description="number, hex, latitude or longitude")
    scale: float = Field(1.0, allow_inf_nan=False, description="Value = what the field says x scale")
    decimals: int = Field(3, ge=0, le=9, description="Digits after the point that an emulated device sends")


class TextSettings(BaseModel):
    """What a text profile says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    separator: str = Field(",", min_length=1, max_length=3, description="What stands between two fields")
    checksum: Checksum = Field(Checksum.NONE, description="none or nmea")


@dataclass(frozen=True)
class FieldLayout:
    """A signal's field."""

    signal: str
    address: TextAddress

    def read(self, fields: tuple[str, ...]) -> float:
        """Return the value in a line; raises ValueError saying what is wrong."""
        at = self.address.field
        text = fields[at] if at < len(fields) else ""
        if not text:
            raise ValueError(f"field {at} is empty")
        match self.address.form:
            case Form.HEX:
                value = float(int(text, 16))
            case Form.LATITUDE | Form.LONGITUDE as form:
                value = _degrees(text, fields[at + 1] if at + 1 < len(fields) else "", _SIDES[form])
            case _:
                value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"field {at} says {text}")
        return value * self.address.scale

    def write(self, fields: list[str], value: float) -> None:
        """Put a value into the fields of a line, which are long enough."""
        at, raw = self.address.field, value / self.address.scale
        match self.address.form:
            case Form.HEX:
                fields[at] = f"{max(0, round(raw)):X}"
            case Form.LATITUDE | Form.LONGITUDE as form:
                places, digits = self.address.decimals, 2 if form is Form.LATITUDE else 3
                whole, minutes = divmod(round(abs(raw) * 60, places), 60)
                fields[at] = f"{int(whole):0{digits}d}{minutes:0{places + 3}.{places}f}"
                fields[at + 1] = _SIDES[form][raw < 0]
            case _:
                fields[at] = f"{raw:.{self.address.decimals}f}"


@dataclass(frozen=True)
class LineLayout:
    """The fields of one kind of line, and how often it comes."""

    line: str
    fields: tuple[FieldLayout, ...]
    period_ns: int

    def fits(self, fields: tuple[str, ...]) -> bool:
        """Return whether a line is of this kind."""
        return not self.line or fields[0].endswith(self.line)

    def compose(self, read: Callable[[str], float]) -> tuple[str, ...]:
        """Return the fields of a line with the values that `read` gives by signal."""
        size = max(each.address.field + (each.address.form in _SIDES) for each in self.fields) + 1
        fields = [""] * size
        if self.line:
            fields[0] = f"GP{self.line}" if len(self.line) == _SENTENCE else self.line
        for each in self.fields:
            each.write(fields, read(each.signal))
        return tuple(fields)


_SENTENCE = 3  # letters of an NMEA sentence's name; a talker's two stand before it


@dataclass(frozen=True)
class TextProfile:
    """A profile, checked and compiled for both ends of the wire."""

    separator: str
    checksum: Checksum
    lines: tuple[LineLayout, ...]

    @classmethod
    def of(cls, profile: Profile) -> TextProfile:
        """Compile `profile`; raises BenchFileError naming each wrong line."""
        settings = profile.settings(TextSettings)
        addresses = profile.addresses(TextAddress)
        kinds = sorted({address.line for address in addresses.values()})
        return cls(
            settings.separator,
            settings.checksum,
            tuple(_line(profile, kind, addresses) for kind in kinds),
        )


def _line(profile: Profile, kind: str, addresses: dict[str, TextAddress]) -> LineLayout:
    inside = {name: address for name, address in addresses.items() if address.line == kind}
    rates: dict[str, float] = {}
    for name in inside:
        spec = profile.signals[name]
        if spec.access is not Access.NOTIFY:
            raise profile.problem(name, f"{name} comes unasked", "write access: notify")
        rate = None if spec.rate is None else units.hertz(spec.rate)
        if rate is None or rate < SLOWEST:
            raise profile.problem(
                name, f"{name} needs a rate of at least {SLOWEST:g} Hz: lines are the sign of life"
            )
        rates[name] = rate
    first = next(iter(inside))
    for name, rate in rates.items():
        if rate != rates[first]:
            text = f"{name} comes in one line with {first} but has another rate"
            raise profile.problem(name, text, "make them equal")
    fields = tuple(FieldLayout(name, address) for name, address in inside.items())
    return LineLayout(kind, fields, round(1e9 / rates[first]))


def _degrees(text: str, side: str, sides: str) -> float:
    point = text.find(".")
    cut = (point if point >= 0 else len(text)) - 2
    if cut < 1 or len(side) != 1 or side not in sides:
        raise ValueError(f"{text!r} with {side!r} is no angle of NMEA")
    value = int(text[:cut]) + float(text[cut:]) / 60
    return -value if side == sides[1] else value
