"""What a profile of plain MQTT says: topics, where in payloads the values are, how commands look."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MqttAddress(BaseModel):
    """A topic, and where in its payloads the signal is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(
        min_length=1, description="Topic; {base}, {prefix} and {device} come from the wire's path"
    )
    pointer: str | None = Field(
        None,
        pattern=r"^(/.*)?$",
        description="JSON pointer (RFC 6901) to the value; without it, the payload is it",
    )
    values: dict[str, float] = Field(
        default_factory=dict, description="What texts stand for: {'ON': 1, 'OFF': 0}"
    )
    scale: float = Field(1.0, allow_inf_nan=False, description="Value = what the payload says x scale")
    payload: str = Field(
        "{value}", description="Of commands: the payload, with {value} and {id} where they belong"
    )
    retain: bool = Field(False, description="Whether the broker is to keep the message for later subscribers")
    confirm: str | None = Field(
        None, description="Of commands: the signal that says, by having the value, that it was taken"
    )


class Availability(BaseModel):
    """Where a device, or its last will, says whether it is there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(min_length=1, description="Topic of the device's last will")
    online: str = Field("online", description="Payload while it is there")
    offline: str = Field("offline", description="Payload of its last will")


class Acknowledgement(BaseModel):
    """Where a device says what became of a command, by its id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(min_length=1, description="Topic of acknowledgements")
    id: str = Field("/id", pattern=r"^(/.*)?$", description="JSON pointer to the command's id")
    error: str = Field(
        "/error", pattern=r"^(/.*)?$", description="JSON pointer to what went wrong, if anything"
    )


class MqttSettings(BaseModel):
    """What a profile of plain MQTT says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    qos: int = Field(1, ge=0, le=2, description="Quality of service of commands, 0 to 2")
    availability: Availability | None = Field(None, description="Where the device says whether it is there")
    acknowledge: Acknowledgement | None = Field(None, description="Where the device acknowledges commands")
    timeout: str | float = Field("5 s", description="How long an acknowledgement may take")
    resend: str | float = Field(
        "0 s", description="How long a command outlives the connection, to be sent again with the same id"
    )
