"""Where a profile says that a signal stands in a Modbus device, and how the device orders its bytes."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from testbed.protocols.numbers import NumberType

MAX_REGISTERS = 125
"""Registers that one read may ask for (Modbus Application Protocol 1.1b3, 6.3)."""

MAX_BITS = 2000
"""Coils or discrete inputs that one read may ask for (the same, 6.1)."""

_LAST = 65535
_Number = Annotated[int, Field(strict=True, ge=0, le=_LAST)]
_Order = Literal["big", "little"]
Bits = Annotated[int, Field(strict=True, ge=0, le=15)]


class Table(StrEnum):
    """The four tables of the Modbus data model (Modbus Application Protocol 1.1b3, 4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def is_bits(self) -> bool:
        """Whether it holds single bits, not registers of 16."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def is_writable(self) -> bool:
        """Whether a controller may write to it."""
        return self in (Table.COIL, Table.HOLDING)


class RegisterAddress(BaseModel):
    """The address of one signal: exactly one table with its number (from 0), type or bits for registers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Number | None = Field(None, description="Number of the first input register, from 0")
    holding: _Number | None = Field(None, description="Number of the first holding register, from 0")
    coil: _Number | None = Field(None, description="Number of the coil, from 0")
    discrete: _Number | None = Field(None, description="Number of the discrete input, from 0")
    type: NumberType | None = Field(None, description="Type of the number in the registers")
    bits: Bits | tuple[Bits, Bits] | None = Field(
        None, description="Instead of a type: one bit of the register, or [first, last] of several"
    )
    scale: float = Field(1.0, description="Value in the signal's unit of one count")
    confirm: bool = Field(
        False, description="Whether a command is read back in the same exchange (function 23)"
    )

    @property
    def shift(self) -> int:
        """The lowest bit of its register that is its; 0 without `bits`."""
        return 0 if self.bits is None else min(self.bits) if isinstance(self.bits, tuple) else self.bits

    @property
    def mask(self) -> int:
        """What a register shifted down to it is masked with; 0 when it has registers of its own."""
        if self.bits is None:
            return 0
        return (2 << max(self.bits) - self.shift) - 1 if isinstance(self.bits, tuple) else 1

    @property
    def place(self) -> tuple[object, ...]:
        """Where it stands and what it means there: the same for a written signal and its readback."""
        return self.table, self.number, self.type, self.shift, self.mask, self.scale

    @property
    def table(self) -> Table:
        """The table in which it stands."""
        return next(table for table in Table if getattr(self, table) is not None)

    @property
    def number(self) -> int:
        """The number of its first register or of its bit."""
        return int(getattr(self, self.table))

    @property
    def count(self) -> int:
        """Registers that it takes; 1 for a bit."""
        return 1 if self.type is None else self.type.size // 2

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = [table for table in Table if getattr(self, table) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"must stand in exactly one of input, holding, coil, discrete, not in {found}")
        if given[0].is_bits:
            if self.type is not None or self.scale != 1.0 or self.bits is not None or self.confirm:
                raise ValueError(f"a {given[0]} is one bit and has neither type nor scale, bits or confirm")
            return self
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"scale must be a number other than 0, not {self.scale}")
        self._check_number(given[0])
        return self

    def _check_number(self, table: Table) -> None:
        if self.confirm and (table is not Table.HOLDING or self.bits is not None):
            raise ValueError("confirm is for whole holding registers: function 23 writes no others")
        if self.bits is not None:
            if self.type is not None:
                raise ValueError("bits of a register are a number without a sign: they have no type")
            if isinstance(self.bits, tuple) and self.bits[0] > self.bits[1]:
                raise ValueError(f"bits: the first comes first, write [{self.bits[1]}, {self.bits[0]}]")
            return
        if self.type is None:
            raise ValueError(f"an {table} register needs a type, for example type: int16, or bits")
        if self.type.size < 2:
            raise ValueError(f"a register has 16 bits; {self.type} does not fill it, use {self.type[:-1]}16")
        if self.number + self.count - 1 > _LAST:
            raise ValueError(f"{self.type} at {self.number} reaches beyond the last register, {_LAST}")
