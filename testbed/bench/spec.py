"""The shape of a bench file, as pydantic reads it once at load; `testbed schema` prints it for editors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .boards import BoardSpec, EmulateSpec, FaultSpec
from .control_spec import ControllerSpec
from .guard_spec import GuardSpec
from .names import Name, SignalPath
from .profile import Quantity
from .radio import LorawanSpec
from .setpoint_spec import SetpointSpec
from .twin_spec import TwinSpec


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceSpec(_Spec):
    """A thing with signals, reached over one wire."""

    profile: str = Field(description="A shipped profile (scpi/thermometer) or a file beside the bench file")
    wire: str = Field(description="Where it is, as a URL; ${NAME} is taken from the environment")
    configure: dict[Name, Quantity | bool] = Field(
        default_factory=dict, description="Values written whenever the device comes online"
    )
    calibration: list[str] = Field(
        default_factory=list, description="Files that tell how it was calibrated, kept with every recording"
    )
    emulate: EmulateSpec | None = Field(
        default=None, description="Firmware that answers when this device is emulated"
    )
    board: BoardSpec | None = Field(default=None, description="How the real board is flashed and reset")


class SensorSpec(_Spec):
    """How an emulated sensor sees the plant: late and noisy."""

    lag: Quantity = Field(0.0, description="Time constant of a first-order lag, for example 0.3 s")
    noise: Quantity = Field(0.0, description="Standard deviation, in the signal's unit")


class PlantSpec(_Spec):
    """The physics that emulated devices read and drive."""

    model: str = Field(description="A plant that the package ships, for example thermal-chamber")
    file: str | None = Field(
        default=None, description="What a recording plays: a session, CSV or MCAP file beside the bench file"
    )
    connect: dict[str, str | list[str]] = Field(
        description="device.signal: plant input, or plant output: device.signal (or a list of them)"
    )
    sensors: dict[SignalPath, SensorSpec] = Field(default_factory=dict)
    parameters: dict[Name, float] = Field(
        default_factory=dict, description="Parameters of the plant, SI units"
    )


class LoopSpec(_Spec):
    """A closed-loop controller: a signal in, a command out, at a rate."""

    reads: SignalPath
    writes: SignalPath
    controller: ControllerSpec
    setpoint: SetpointSpec
    rate: Quantity
    stale_after: Quantity | None = Field(
        default=None,
        description="Age of the last good sample at which the output goes safe; 5 periods",
    )


def _token(text: str) -> str:
    if text and not re.fullmatch(r"\$\{\w+\}", text):
        raise PydanticCustomError("token", "a token stands in the environment; write token: ${INFLUX_TOKEN}")
    return text


class InfluxdbSpec(_Spec):
    """The InfluxDB server (1.8 and newer, 2, 3) that gets what a session records."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(description="Its address, for example http://localhost:8086; ${NAME} may stand in it")
    org: str = Field("", description="Organization; InfluxDB 1 and 3 have none")
    bucket: str = Field(min_length=1, description="Bucket; in InfluxDB 1 and 3 the database")
    token: Annotated[str, AfterValidator(_token)] = Field(
        "", description="Where the token stands: ${NAME} of an environment variable; empty: none is asked for"
    )
    ca: str = Field("", description="File of the certificates to check against; the system's")
    timeout: Quantity = Field("10 s", description="How long one write may take")


class MqttSpec(_Spec):
    """The MQTT broker that gets samples while they come."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(description="The broker, for example mqtt://localhost:1883; ${NAME} may stand in it")
    topic: str = Field(
        "testbed/{bench}/{device}/{signal}", description="Topic; without {signal}, one message for a device"
    )
    payload: Literal["json", "value"] = Field("json", description="json: value, time, quality; or the value")
    retain: bool = Field(False, description="Whether the broker keeps the last one for later subscribers")


class BenchSpec(_Spec):
    """Everything that one YAML file declares."""

    bench: str = Field(min_length=1, description="The name of the bench")
    devices: dict[Name, DeviceSpec] = Field(min_length=1)
    plant: PlantSpec | None = None
    twins: dict[Name, TwinSpec] = Field(default_factory=dict)
    loops: dict[Name, LoopSpec] = Field(default_factory=dict)
    expect: list[str] = Field(
        default_factory=list, description="For example: chamber.temperature stays below 85 degC"
    )
    guard: GuardSpec | None = Field(
        default=None, description="What every command is judged by, besides limits and slews"
    )
    faults: list[FaultSpec] = Field(
        default_factory=list, description="What is broken on purpose while devices are emulated"
    )
    lorawan: LorawanSpec = Field(
        default_factory=LorawanSpec, description="The radio network of emulated LoRaWAN devices"
    )
    influxdb: InfluxdbSpec | None = Field(default=None, description="Where time series are forwarded to")
    mqtt: MqttSpec | None = Field(default=None, description="Where samples are published while they come")
    seed: int = Field(0, ge=0, description="Where every random number of a session comes from")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a bench file."""
    schema = BenchSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
