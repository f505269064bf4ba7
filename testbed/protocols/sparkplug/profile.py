"""What a profile of Sparkplug says: the metric of each signal, and its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from testbed.bench import units
from testbed.bench.profile import Profile
from testbed.signals import Access

from .payload import DataType, Metric, value_for


class SparkplugAddress(BaseModel):
    """One metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str = Field(min_length=1, description="Name of the metric, as the births have it")
    type: str = Field(
        "Double", description="Type of the metric: Int8 to Int64, UInt8 to UInt64, Float, Double, Boolean"
    )
    scale: float = Field(1.0, allow_inf_nan=False, description="Value = what the metric says x scale")


class SparkplugSettings(BaseModel):
    """What a profile of Sparkplug says beside its signals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: str | float = Field("5 s", description="How long a metric may take to have a commanded value")


@dataclass(frozen=True)
class MetricRoute:
    """The metric of one signal."""

    signal: str
    metric: str
    datatype: DataType
    scale: float
    period_s: float

    def metric_for(self, value: float, timestamp_ms: int, alias: int | None = None) -> Metric:
        """Return the metric that says a value; raises ValueError when it does not fit its type."""
        held = value_for(self.datatype, value / self.scale)
        return Metric(self.metric, held, self.datatype, alias, timestamp_ms)


@dataclass(frozen=True)
class SparkplugPlan:
    """A profile, checked and compiled for both ends of the wire."""

    readings: Mapping[str, MetricRoute]
    """By metric."""
    commands: Mapping[str, MetricRoute]
    """By signal."""
    timeout_s: float

    @classmethod
    def of(cls, profile: Profile) -> SparkplugPlan:
        """Compile `profile`; raises BenchFileError naming each wrong line."""
        timeout_s = units.seconds(profile.settings(SparkplugSettings).timeout)
        readings: dict[str, MetricRoute] = {}
        commands: dict[str, MetricRoute] = {}
        for name, address in profile.addresses(SparkplugAddress).items():
            spec = profile.signals[name]
            rate = 0.0 if spec.rate is None else 1 / units.hertz(spec.rate)
            route = MetricRoute(name, address.metric, _type(profile, name, address), address.scale, rate)
            if spec.access is Access.READ:
                raise profile.problem(name, f"{name} comes when the node sends it", "write access: notify")
            if not address.scale:
                raise profile.problem(name, f"{name}: scale is 0")
            if spec.access is Access.WRITE:
                commands[name] = route
            elif readings.setdefault(address.metric, route) is not route:
                raise profile.problem(name, f"{name} and {readings[address.metric].signal} are one metric")
        return cls(readings, commands, timeout_s)


def _type(profile: Profile, name: str, address: SparkplugAddress) -> DataType:
    known = {each.name.lower(): each for each in DataType}
    found = known.get(address.type.lower())
    if found is None or found in (DataType.STRING, DataType.TEXT, DataType.DATETIME):
        raise profile.problem(
            name,
            f"{name}: {address.type} is no type of a number",
            "for example Double, Int32, UInt16, Boolean",
        )
    return found
