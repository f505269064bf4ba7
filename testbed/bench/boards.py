"""What a bench file says of firmware: what answers for a device, how its board is flashed, faults."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .profile import Quantity

PORT_RESETS = ("dtr", "rts", "break")
"""What a serial port can do to reset a board: move a modem line, or hold its own line in the break state."""

_SIGNAL = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class EmulateSpec(_Spec):
    """The firmware that answers for a device when it is emulated."""

    firmware: str = Field(description="The board that runs it: host, mps2-an385 or atmega328p")
    image: str = Field(description="The built firmware, beside the bench file or absolute")


class FlashSpec(_Spec):
    """The program that writes an image into a real board, and what it needs to know."""

    tool: Literal["openocd", "avrdude", "esptool", "pyocd"]
    image: str = Field(description="The image to write, beside the bench file or absolute")
    config: list[str] = Field(default_factory=list, description="openocd: its configuration files")
    part: str | None = Field(None, description="avrdude: the microcontroller, for example atmega328p")
    programmer: str = Field("arduino", description="avrdude: the programmer")
    chip: str = Field("auto", description="esptool: the chip, for example esp32c3")
    target: str | None = Field(None, description="pyocd: the target, for example stm32f407vg")
    address: int | None = Field(None, ge=0, description="Where the image goes; needed for raw images")
    port: str | None = Field(None, description="avrdude, esptool: the port; default: the device's wire")
    baud: int = Field(115200, gt=0, description="avrdude, esptool")

    @model_validator(mode="after")
    def _complete(self) -> FlashSpec:
        for tool, key in (("openocd", "config"), ("avrdude", "part"), ("pyocd", "target")):
            if self.tool == tool and not getattr(self, key):
                raise ValueError(f"{tool} needs {key}:")
        return self


class BoardSpec(_Spec):
    """The real board behind a device."""

    flash: FlashSpec | None = None
    reset: str | None = Field(
        None, description="dtr, rts or break of the device's port, or the signal of a relay (psu.board_power)"
    )

    @field_validator("reset")
    @classmethod
    def _known(cls, text: str | None) -> str | None:
        if text is not None and text not in PORT_RESETS and not _SIGNAL.fullmatch(text):
            raise ValueError("is no way to reset a board; write dtr, rts, break or device.signal of a relay")
        return text


class FaultSpec(_Spec):
    """Something broken on purpose, at a time of the run."""

    device: str
    fault: str = Field(description="A name of the catalogue, for example hang")
    at: Quantity = Field(description="When, from the start of the emulated devices")
    for_: Quantity | None = Field(None, alias="for", description="How long, for faults that last")
    parameters: dict[str, Quantity] = Field(default_factory=dict)


@dataclass(frozen=True)
class Firmware:
    """The firmware that stands in for a device: which board runs it, and the image."""

    board: str
    image: Path


@dataclass(frozen=True)
class PlannedFault:
    """A fault of a bench file: times in seconds, `lasts` None when it is over at once or stays."""

    device: str
    fault: str
    at: float
    lasts: float | None
    parameters: dict[str, Quantity] = field(default_factory=dict)
