"""The keys at the top of a Modbus profile."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from testbed.bench.names import Name

from .registers import MAX_BITS, MAX_REGISTERS
from .texts import TextSpec

_Order = Literal["big", "little"]


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
    max_read_bits: int = Field(
        MAX_BITS, ge=1, le=MAX_BITS, description="Coils or discrete inputs that one read may take"
    )
    # Many devices answer "illegal data address" to a read that touches a hole, so none is bridged
    # unless the profile says that its device does not mind.
    max_gap: int = Field(
        0, ge=0, le=64, description="Unused addresses that the device lets be read between two"
    )
    texts: dict[Name, TextSpec] = Field(
        default_factory=dict, description="Texts that are read when the device comes online, by name"
    )
