"""Texts in registers, two characters each, such as a serial number: read once, when a device comes online."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from testbed.bench.names import Name

from .pdu import READ_FUNCTIONS, Transaction, read
from .registers import MAX_REGISTERS, Table

_LAST = 65535


class TextSpec(BaseModel):
    """A text: where it stands, how many registers it takes, and what an emulated device says there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    holding: Annotated[int, Field(strict=True, ge=0, le=_LAST)] | None = Field(
        None, description="Number of its first register, from 0"
    )
    input: Annotated[int, Field(strict=True, ge=0, le=_LAST)] | None = Field(None, description="The same")
    registers: int = Field(ge=1, le=MAX_REGISTERS, description="How many it takes, two characters each")
    text: str = Field("", description="What an emulated device says there")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.holding is None) == (self.input is None):
            raise ValueError("a text stands in registers of one table: give holding: or input:")
        if self.number + self.registers > _LAST + 1:
            raise ValueError(f"{self.table} registers end at {_LAST}")
        if len(self.text.encode("latin-1", "replace")) > 2 * self.registers:
            raise ValueError(f"{self.text!r} does not fit into {self.registers} registers")
        return self

    @property
    def table(self) -> Table:
        """The table that it stands in."""
        return Table.INPUT if self.holding is None else Table.HOLDING

    @property
    def number(self) -> int:
        """Number of its first register."""
        return (self.input if self.holding is None else self.holding) or 0

    @property
    def question(self) -> Transaction:
        """The request that reads it."""
        return read(READ_FUNCTIONS[self.table], self.number, self.registers)

    def encode(self, byte_order: str) -> bytes:
        """Return its registers as an emulated device holds them, filled up with NUL."""
        data = self.text.encode("latin-1", "replace").ljust(2 * self.registers, b"\0")
        return data if byte_order == "big" else _swapped(data)

    def decode(self, data: bytes, byte_order: str) -> str:
        """Return the text of its registers; what fills it up, NUL and spaces, is no part of it."""
        data = data if byte_order == "big" else _swapped(data)
        text = data.partition(b"\0")[0].decode("latin-1").strip()
        return "".join(each if each.isprintable() else "?" for each in text)


Texts = Mapping[Name, TextSpec]
"""By name, such as serial or firmware."""


def told(texts: Mapping[str, str]) -> str:
    """Return texts (name to text) in words: "serial SN-0042, firmware 1.2"."""
    return ", ".join(f"{name} {text}" for name, text in texts.items() if text)


def _swapped(data: bytes) -> bytes:
    """Return registers with the bytes of each the other way round."""
    turned = bytearray(data)
    turned[::2], turned[1::2] = data[1::2], data[::2]
    return bytes(turned)
