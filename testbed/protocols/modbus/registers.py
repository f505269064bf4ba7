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


class ModbusSettings(BaseModel):
    """The keys at the top of a Modbus profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    word_order: _Order = Field("big", description="Which word of a value of several registers comes first")
    byte_order: _Order = Field(
        "big", description="Which byte of a register comes first; the standard's is big"
    )
    max_read: int = Field(
        MAX_REGISTERS, ge=1, le=MAX_REGISTERS, description="Registers that one read may take"
    )
    # Many devices answer "illegal data address" to a read that touches a hole, so none is bridged
    # unless the profile says that its device does not mind.
    max_gap: int = Field(
        0, ge=0, le=64, description="Unused addresses that the device lets be read between two"
    )


class RegisterAddress(BaseModel):
    """The address of one signal: exactly one table with its number (from 0), type and scale for registers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Number | None = Field(None, description="Number of the first input register, from 0")
    holding: _Number | None = Field(None, description="Number of the first holding register, from 0")
    coil: _Number | None = Field(None, description="Number of the coil, from 0")
    discrete: _Number | None = Field(None, description="Number of the discrete input, from 0")
    type: NumberType | None = Field(None, description="Type of the number in the registers")
    scale: float = Field(1.0, description="Value in the signal's unit of one count")

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
            if self.type is not None or self.scale != 1.0:
                raise ValueError(f"a {given[0]} is one bit and has neither type nor scale")
            return self
        if self.type is None:
            raise ValueError(f"an {given[0]} register needs a type, for example type: int16")
        if self.type.size < 2:
            raise ValueError(f"a register has 16 bits; {self.type} does not fill it, use {self.type[:-1]}16")
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"scale must be a number other than 0, not {self.scale}")
        if self.number + self.count - 1 > _LAST:
            raise ValueError(f"{self.type} at {self.number} reaches beyond the last register, {_LAST}")
        return self
