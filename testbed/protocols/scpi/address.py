"""Where the signals of a scpi profile live: the query that reads one, the command that sets one."""

from __future__ import annotations

import string
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from testbed.bench import units
from testbed.bench.profile import Profile, Quantity
from testbed.signals import Access

from .blocks import BlockSpec
from .headers import HeaderPattern, MessageError, MessageUnit, parse_unit
from .values import parse_number

_BOOLEANS = {"ON": 1.0, "OFF": 0.0}


class ScpiAddress(BaseModel):
    """A query or a command; it is sent as written and heard in its short and its long form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str | None = Field(None, description="Asks for the value, for example MEAS:TEMP?")
    block: BlockSpec | None = Field(None, description="Of a query: its answer is a block of numbers")
    set_: str | None = Field(None, alias="set", description="Sets the value: SOUR:VOLT {value}")

    @model_validator(mode="after")
    def _one_way(self) -> ScpiAddress:
        if (self.query is None) == (self.set_ is None):
            raise ValueError('a signal is read or set: give query: "HEADER?" or set: "HEADER {value}"')
        if self.block is not None and self.query is None:
            raise ValueError("block: tells of the answer to a query:")
        return self

    @field_validator("query")
    @classmethod
    def _asks(cls, text: str | None) -> str | None:
        if text is not None:
            parse_query(text)
        return text

    @field_validator("set_")
    @classmethod
    def _sets(cls, text: str | None) -> str | None:
        if text is not None:
            SetTemplate.of(text)
        return text


def parse_query(text: str) -> tuple[HeaderPattern, tuple[str, ...]]:
    """Return a query's header and parameters; raises ValueError unless it is one query."""
    try:
        unit = parse_unit(text)
    except MessageError:
        unit = MessageUnit("", ())
    if not unit.is_query or not text.isprintable() or ";" in text:
        raise ValueError(f"{text!r} is not one query: a header that ends with a question mark")
    return HeaderPattern.of(unit.header), unit.parameters


class ScpiSettings(BaseModel):
    """What a scpi profile says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: str | None = Field(None, description="What *IDN? answers: maker,model,serial,firmware")
    timeout: Quantity = Field("0.5 s", description="How long the instrument may take to answer")

    @field_validator("timeout")
    @classmethod
    def _positive(cls, text: Quantity) -> Quantity:
        if not 0 < units.seconds(text) <= 60:
            raise ValueError("timeout must be above 0 s and at most 60 s")
        return text

    @property
    def timeout_seconds(self) -> float:
        """The timeout in seconds."""
        return units.seconds(self.timeout)


@dataclass(frozen=True)
class SetTemplate:
    """A command that ends with the value: `SOUR:VOLT {value}`, `VOLT CH1,{value:.3f}`."""

    text: str
    pattern: HeaderPattern
    fixed: tuple[str, ...]
    """The parameters before the value."""

    @classmethod
    def of(cls, text: str) -> SetTemplate:
        """Compile a command; raises ValueError when it has not exactly one value, at its end."""
        example = f"write it as in SOUR:VOLT {{value}}, not {text!r}"
        try:
            parts = list(string.Formatter().parse(text))
            text.format(value=0.0)
            unit = parse_unit(f"{parts[0][0]}0" if parts else "")
        except (ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"{error}; {example}") from None
        fields = [field for _, field, _, _ in parts if field is not None]
        if fields != ["value"] or parts[-1][1] != "value" or not text.isprintable() or ";" in text:
            raise ValueError(f"one command is needed, with its value at the end; {example}")
        if unit.is_query or unit.parameters[-1:] != ("0",):
            raise ValueError(f"the value is a parameter of its own; {example}")
        return cls(text, HeaderPattern.of(unit.header), unit.parameters[:-1])

    def message(self, value: float) -> str:
        """Return the command for a value; without a format of its own, twelve digits."""
        return self.text.replace("{value}", f"{value:.12G}").format(value=value)

    def matches(self, unit: MessageUnit) -> bool:
        """Whether a unit has this header and begins with the same parameters."""
        before = tuple(part.upper() for part in unit.parameters[: len(self.fixed)])
        return self.pattern.matches(unit.header) and before == tuple(part.upper() for part in self.fixed)


def parse_parameter(text: str) -> float:
    """Return numeric or Boolean program data (SCPI-99 volume 1, 7.3); raises ValueError."""
    boolean = _BOOLEANS.get(text.upper())
    return parse_number(text) if boolean is None else boolean


def check_scpi(profile: Profile) -> dict[str, ScpiAddress]:
    """Return the addresses of a profile; raises BenchFileError when access and address do not agree."""
    addresses = profile.addresses(ScpiAddress)
    for name, address in addresses.items():
        wanted = Access.READ if address.query is not None else Access.WRITE
        if profile.signals[name].access is not wanted:
            key = "query" if wanted is Access.READ else "set"
            raise profile.problem(name, f"{name} has a {key}", f"write access: {wanted.value}")
    return addresses
