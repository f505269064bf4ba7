"""What a LoRaWAN profile says: which payloads go up and down, how often, at which data rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Key

from testbed.bench import units
from testbed.bench.profile import Profile, Quantity
from testbed.protocols.numbers import NumberType
from testbed.signals import Access

from .airtime import EU868_DUTY, EU868_MAX_PAYLOAD, FRAME_OVERHEAD, airtime, lawful_interval
from .payload import Field, Layout

_LAST_PORT = 223  # 224 to 255 are not for applications (LoRaWAN L2 1.0.4, section 4.3.2)


class LorawanAddress(BaseModel):
    """Where a signal lives: in the payload of an uplink or of a downlink on one fPort."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uplink: int | None = Key(None, ge=1, le=_LAST_PORT, description="fPort of the uplink that carries it")
    downlink: int | None = Key(None, ge=1, le=_LAST_PORT, description="fPort of the downlink that sets it")
    offset: int = Key(0, ge=0, le=241, description="Its first byte in the payload")
    type: NumberType = Key(description="Its number type, high byte first")
    scale: float = Key(1.0, gt=0, description="Value in the signal's unit for a raw 1")

    @model_validator(mode="after")
    def _one_way(self) -> LorawanAddress:
        if (self.uplink is None) == (self.downlink is None):
            raise ValueError("give either uplink: FPORT or downlink: FPORT")
        return self


class LorawanSettings(BaseModel):
    """The keys at the top of a LoRaWAN profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_rate: Literal["SF7", "SF8", "SF9", "SF10", "SF11", "SF12"] = Key(
        description="Spreading factor at 125 kHz"
    )
    duty_cycle: Quantity = Key(
        f"{EU868_DUTY * 100:g} %",
        description="Share of the time that the device may send; 100 % in a shielded box",
    )
    rx1_delay: Quantity = Key("1 s", description="From an uplink to the window for its downlink")


@dataclass(frozen=True)
class Plan:
    """A checked LoRaWAN profile. Times are in seconds, `duty_cycle` is a share (0 to 1).

    `uplinks` and `periods` are keyed by fPort, `downlinks` by signal name.
    """

    spreading_factor: int
    duty_cycle: float
    rx1_delay: float
    uplinks: dict[int, Layout]
    periods: dict[int, float]
    downlinks: dict[str, Layout]

    @property
    def data_rate(self) -> int:
        """The DR number of the spreading factor (RP002-1.0.4, EU863-870: DR0 is SF12, DR5 is SF7)."""
        return 12 - self.spreading_factor

    @property
    def uplink_duty(self) -> float:
        """The share of the time that the regular uplinks are on the air."""
        return sum(
            airtime(FRAME_OVERHEAD + layout.size, self.spreading_factor) / self.periods[port]
            for port, layout in self.uplinks.items()
        )


def read_plan(profile: Profile) -> Plan:
    """Return the checked plan of a LoRaWAN profile; raises BenchFileError naming each wrong line."""
    settings = profile.settings(LorawanSettings)
    addresses = profile.addresses(LorawanAddress)
    up: dict[int, list[Field]] = {}
    down: dict[str, Layout] = {}
    for name, address in addresses.items():
        field = Field(name, address.offset, address.type, address.scale)
        writable = profile.signals[name].access is Access.WRITE
        if writable != (address.downlink is not None):
            raise profile.problem(name, f"{name}: uplink signals are notify, downlink signals are write")
        if address.downlink is not None:
            if any(layout.f_port == address.downlink for layout in down.values()):
                message = f"{name}: fPort {address.downlink} already carries another command"
                raise profile.problem(name, message, "give every command an fPort of its own")
            down[name] = Layout(address.downlink, (field,))
        elif address.uplink is not None:
            _check_overlap(profile, up.setdefault(address.uplink, []), field)
            up[address.uplink].append(field)
    plan = Plan(
        spreading_factor=int(settings.data_rate.removeprefix("SF")),
        duty_cycle=units.convert(settings.duty_cycle, "%") / 100,
        rx1_delay=units.seconds(settings.rx1_delay),
        uplinks={port: Layout(port, tuple(fields)) for port, fields in up.items()},
        periods={port: _period(profile, fields) for port, fields in up.items()},
        downlinks=down,
    )
    _check_sizes(profile, plan)
    check_duty(profile, plan)
    return plan


def check_duty(profile: Profile, plan: Plan) -> None:
    """Raise BenchFileError, showing the arithmetic, when the uplinks take more air than is lawful."""
    used, allowed = plan.uplink_duty, plan.duty_cycle
    if used <= allowed:
        return
    lines = []
    for port, layout in plan.uplinks.items():
        took_ms = airtime(FRAME_OVERHEAD + layout.size, plan.spreading_factor) * 1e3
        frame = f"{layout.size} + {FRAME_OVERHEAD} bytes at SF{plan.spreading_factor}"
        lines.append(f"fPort {port}: {frame} take {took_ms:.0f} ms every {plan.periods[port]:g} s")
    slower = max(
        sum(lawful_interval(layout.size, plan.spreading_factor, allowed) for layout in plan.uplinks.values()),
        plan.rx1_delay,
    )
    raise profile.problem(
        next(iter(plan.uplinks.values())).fields[0].signal,
        f"uplinks take {used:.2%} of the air, {allowed:.2%} is allowed ({'; '.join(lines)})",
        f"send at most every {slower:.1f} s, or use a faster data_rate",
    )


def _check_overlap(profile: Profile, fields: list[Field], field: Field) -> None:
    for other in fields:
        if field.offset < other.end and other.offset < field.end:
            message = f"{field.signal}: bytes {field.offset} to {field.end - 1} overlap {other.signal}"
            raise profile.problem(field.signal, message)


def _check_sizes(profile: Profile, plan: Plan) -> None:
    limit = EU868_MAX_PAYLOAD[plan.spreading_factor]
    for layout in (*plan.uplinks.values(), *plan.downlinks.values()):
        if layout.size > limit:
            message = f"fPort {layout.f_port}: {layout.size} bytes are too many"
            message += f", SF{plan.spreading_factor} carries {limit}"
            raise profile.problem(layout.fields[-1].signal, message)
    for port, period in plan.periods.items():
        if period <= plan.rx1_delay:
            signal = plan.uplinks[port].fields[0].signal
            message = (
                f"an uplink every {period:g} s leaves no room for the window {plan.rx1_delay:g} s after it"
            )
            raise profile.problem(signal, message)


def _period(profile: Profile, fields: list[Field]) -> float:
    """Return the seconds between two uplinks of one fPort, on which all its signals must agree."""
    periods: set[float] = set()
    for field in fields:
        rate = profile.signals[field.signal].rate
        if rate is None:
            raise profile.problem(
                field.signal,
                f"{field.signal} has no rate",
                "add rate: how often it is sent, for example 0.1 Hz",
            )
        periods.add(1 / units.hertz(rate))
        if len(periods) > 1:
            message = f"{field.signal}: signals of one uplink must have one rate"
            raise profile.problem(field.signal, message)
    return periods.pop()
