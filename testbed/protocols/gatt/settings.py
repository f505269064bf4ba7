"""The keys at the top of a BLE profile."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from testbed.bench.ble_wire import Manufacturer, read_manufacturer
from testbed.bench.profile import Quantity
from testbed.bench.units import seconds

from .information import Information

_Manufacturer = Annotated[Manufacturer, BeforeValidator(lambda text: read_manufacturer(str(text)))]


class Pairing(StrEnum):
    """How a device wants to be paired (Core Specification 5.4, vol 3 part H, 2.3.5)."""

    NONE = "none"
    JUST_WORKS = "just-works"
    PASSKEY = "passkey"


class GattSettings(BaseModel):
    """What a device says about itself on the air."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    advertised_name: str = Field(default="", description="Local name that the device advertises")
    advertised_manufacturer: _Manufacturer | None = Field(
        default=None,
        description="Manufacturer specific data that it advertises: 004C, or 004C:0215",
    )

    advertising_interval: Quantity = Field(
        default="100 ms", description="Time between two advertisements, 20 ms to 10.24 s"
    )

    information: Information | None = Field(
        default=None, description="Texts of the Device Information Service; with it they are read and told"
    )
    pairing: Pairing = Field(
        default=Pairing.NONE, description="What an emulated device wants before it lets anything be read"
    )
    passkey: str = Field(
        default="123456",
        pattern=r"^(\d{6}|\$\{\w+\})$",
        description="What an emulated device shows, for pairing: passkey; ${NAME} is of the environment",
    )

    @field_validator("advertising_interval")
    @classmethod
    def _lawful(cls, interval: Quantity) -> Quantity:
        # Core Specification 5.4, vol 6 part B, 4.4.2.2: of connectable advertising.
        if not 0.02 <= seconds(interval) <= 10.24:
            raise ValueError("advertising_interval must be 20 ms to 10.24 s")
        return interval

    @field_validator("advertised_name")
    @classmethod
    def _fits(cls, name: str) -> str:
        # A legacy advertising packet holds 31 bytes (vol 6 part B, 2.3.1), of which flags take 3.
        if len(name.encode()) > 26:
            raise ValueError("advertised_name must fit 26 bytes")
        return name
