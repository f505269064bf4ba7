"""Where a signal lives in a payload: what a profile says of it, and the parts made of that."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from pydantic import Field as Key

from testbed.bench import units
from testbed.protocols.numbers import NumberType

from .lpp import LPP_TYPES, LppField
from .payload import BitField, Field, Place

LAST_PORT = 223
"""224 to 255 are not for applications (LoRaWAN L2 1.0.4, section 4.3.2)."""

COMMAND = "command"
"""What stands for a Cayenne LPP type in a downlink, which has none."""


class LorawanAddress(BaseModel):
    """Where a signal lives: a number, some bits or a Cayenne LPP record, one way, on one fPort."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uplink: int | None = Key(None, ge=1, le=LAST_PORT, description="fPort of the uplink that carries it")
    downlink: int | None = Key(None, ge=1, le=LAST_PORT, description="fPort of the downlink that sets it")
    offset: int = Key(0, ge=0, le=241, description="Its first byte in the payload")
    type: NumberType | None = Key(None, description="Its number type")
    byte_order: Literal["big", "little"] = Key("big", description="Which byte of the number comes first")
    bit: int | None = Key(
        None, ge=0, le=1935, description="Its first bit; 0 is the highest of the first byte"
    )
    width: int = Key(1, ge=1, le=64, description="How many bits it has")
    signed: bool = Key(False, description="Whether its bits are in two's complement")
    lpp: str | None = Key(None, description="Its Cayenne LPP type; command in a downlink")
    channel: int = Key(0, ge=0, le=254, description="Its Cayenne LPP channel")
    number: str = Key("", description="Which number of a Cayenne LPP type of several")
    preset: str = Key("", description="The bytes of its downlink around it, in hexadecimal")
    scale: float = Key(1.0, gt=0, description="Value in the signal's unit for a raw 1")
    shift: float = Key(0.0, description="Value in the signal's unit for a raw 0")

    @field_validator("preset")
    @classmethod
    def _hexadecimal(cls, text: str) -> str:
        try:
            bytes.fromhex(text)
        except ValueError:
            raise ValueError('write bytes in hexadecimal, for example preset: "ff 03 00 00"') from None
        return text

    @model_validator(mode="after")
    def _one_way(self) -> LorawanAddress:
        if (self.uplink is None) == (self.downlink is None):
            raise ValueError("give either uplink: FPORT or downlink: FPORT")
        given = [key for key in ("type", "bit", "lpp") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                "give one of type (a number of whole bytes, such as uint8 or int16), bit and lpp; "
                f"got {' and '.join(given) or 'none'}"
            )
        foreign = (_KEYS - _KEYS_OF[given[0]]) & self.model_fields_set
        if foreign:
            raise ValueError(f"{', '.join(sorted(foreign))} is no key of a signal with {given[0]}")
        if self.preset and self.downlink is None:
            raise ValueError("preset belongs to a downlink")
        self._check_lpp()
        return self

    def _check_lpp(self) -> None:
        if self.lpp is None:
            return
        if self.downlink is not None or self.lpp == COMMAND:
            if self.lpp != COMMAND or self.downlink is None:
                raise ValueError(f"a Cayenne LPP downlink has no type: write downlink: FPORT, lpp: {COMMAND}")
            return
        if self.lpp not in LPP_TYPES:
            raise ValueError(f"{self.lpp!r} is no Cayenne LPP type; there are {', '.join(LPP_TYPES)}")
        numbers = LPP_TYPES[self.lpp].numbers
        if self.number not in numbers:
            which = f"number: {' or '.join(numbers)}" if "" not in numbers else "no number, it has one"
            raise ValueError(f"lpp {self.lpp} takes {which}")


_KEYS_OF = {
    "type": {"offset", "byte_order", "shift", "preset"},
    "bit": {"width", "signed", "shift", "preset"},
    "lpp": {"channel", "number"},
}
_KEYS = set().union(*_KEYS_OF.values())


def place(name: str, address: LorawanAddress) -> Place:
    """Return the place of a signal that has one."""
    if address.type is not None:
        return Field(
            name, address.offset, address.type, address.scale, address.shift, address.byte_order == "little"
        )
    first = address.bit or 0
    return BitField(name, first, address.width, address.signed, address.scale, address.shift)


def lpp_field(name: str, address: LorawanAddress, unit: str) -> LppField:
    """Return a signal's number in a record; raises ValueError when the signal's unit is no such quantity."""
    kind = LPP_TYPES[address.lpp or ""]
    number = kind.numbers[address.number]
    factor, shift = units.scale(number.unit, unit)
    return LppField(name, address.channel, kind, address.number, number.scale * factor * address.scale, shift)
