"""What a bench file says of an emulated LoRaWAN network: where its gateways and devices are."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .names import Name

_Place = tuple[float, float]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySpec(_Spec):
    """A gateway of the emulated network."""

    at: _Place = Field(default=(0.0, 0.0), description="Where it is: [x, y] in m")
    loss: float = Field(default=0.0, ge=0, description="dB that its cable and its surroundings take")


class NodeSpec(_Spec):
    """An emulated LoRaWAN device."""

    at: _Place = Field(default=(300.0, 0.0), description="Where it is: [x, y] in m")
    loss: float = Field(default=0.0, ge=0, description="dB that walls around it take, both ways")
    activation: Literal["abp", "otaa"] = Field(default="abp", description="otaa: it joins before it sends")
    adr: bool = Field(default=True, description="Whether the network sets its data rate and power")
    confirmed: bool = Field(default=False, description="Whether its uplinks ask to be acknowledged")


class LorawanSpec(_Spec):
    """The radio network of emulated LoRaWAN devices; real ones have their own."""

    gateways: dict[Name, GatewaySpec] = Field(
        default_factory=lambda: {"gateway": GatewaySpec()}, min_length=1, description="By name; one at [0, 0]"
    )
    devices: dict[Name, NodeSpec] = Field(
        default_factory=dict, description="By the device's name; the others are 300 m off"
    )
    exponent: float = Field(
        default=2.7,
        gt=1,
        le=6,
        description="How the path loss grows: 2 in the open, 2.7 in a suburb, 3.5 in a city",
    )
    fading: float = Field(default=2.0, ge=0, le=20, description="dB, standard deviation from frame to frame")

    def node(self, device: str) -> NodeSpec:
        """Return what is said of a device."""
        return self.devices.get(device) or NodeSpec()
