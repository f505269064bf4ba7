"""Who a device says that it is: the texts of the Device Information Service (DIS 1.2, 3)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from testbed.bench.uuids import uuid128

SERVICE = uuid128(0x180A)

TEXTS = {
    "manufacturer": uuid128(0x2A29),
    "model": uuid128(0x2A24),
    "serial": uuid128(0x2A25),
    "hardware": uuid128(0x2A27),
    "firmware": uuid128(0x2A26),
    "software": uuid128(0x2A28),
}
"""The characteristic of each, in the order in which they are told."""


class Information(BaseModel):
    """What an emulated device says of itself; what is empty it does not offer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manufacturer: str = Field(default="", description="Who made it")
    model: str = Field(default="", description="Its model number")
    serial: str = Field(default="", description="Its serial number")
    hardware: str = Field(default="", description="Revision of its hardware")
    firmware: str = Field(default="", description="Revision of its firmware")
    software: str = Field(default="", description="Revision of its software")

    def texts(self) -> dict[str, str]:
        """Return what is offered, by characteristic."""
        told = {uuid: str(getattr(self, name)) for name, uuid in TEXTS.items()}
        return {uuid: text for uuid, text in told.items() if text}


def introduced(texts: dict[str, bytes]) -> str:
    """Return what was read (name of TEXTS to value) in words: "ACME Thermo 3, firmware 1.2"."""
    told = {name: data.decode(errors="replace").strip("\0 ") for name, data in texts.items()}
    who = " ".join(filter(None, (told.pop("manufacturer", ""), told.pop("model", ""))))
    rest = [f"{name} {text}" for name, text in told.items() if text]
    return ", ".join(filter(None, (who, *rest)))
