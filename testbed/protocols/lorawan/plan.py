"""What a LoRaWAN profile says: which payloads go up and down, how often, at which data rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Key

from testbed.bench import units
from testbed.bench.profile import Profile, Quantity
from testbed.signals import Access

from .address import LorawanAddress, lpp_field, place
from .airtime import EU868_DUTY, EU868_MAX_PAYLOAD, FRAME_OVERHEAD, airtime, lawful_interval
from .lpp import LppCommand, LppLayout
from .payload import Layout, Payload, Place


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
    uplinks: dict[int, Payload]
    periods: dict[int, float]
    downlinks: dict[str, Payload]

    @property
    def data_rate(self) -> int:
        """The DR number of the spreading factor (RP002-1.0.4, EU863-870: DR0 is SF12, DR5 is SF7)."""
        return 12 - self.spreading_factor

    def commanded(self, f_port: int, data: bytes) -> dict[str, float]:
        """Return what a downlink sets, by signal name; raises ValueError when it is no command."""
        found: dict[str, float] = {}
        problem = f"no command has fPort {f_port}"
        for payload in self.downlinks.values():
            if payload.f_port == f_port:
                try:
                    found |= payload.decode(data)
                except ValueError as error:
                    problem = str(error)
        if not found:
            raise ValueError(problem)
        return found

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
    up: dict[int, dict[str, LorawanAddress]] = {}
    down: dict[str, Payload] = {}
    for name, address in addresses.items():
        writable = profile.signals[name].access is Access.WRITE
        if writable != (address.downlink is not None):
            raise profile.problem(name, f"{name}: uplink signals are notify, downlink signals are write")
        if address.uplink is not None:
            up.setdefault(address.uplink, {})[name] = address
        else:
            down[name] = _command(profile, name, address, down)
    plan = Plan(
        spreading_factor=int(settings.data_rate.removeprefix("SF")),
        duty_cycle=units.convert(settings.duty_cycle, "%") / 100,
        rx1_delay=units.seconds(settings.rx1_delay),
        uplinks={port: _uplink(profile, port, given) for port, given in up.items()},
        periods={port: _period(profile, list(given)) for port, given in up.items()},
        downlinks=down,
    )
    _check_sizes(profile, plan)
    check_duty(profile, plan)
    return plan


def _command(profile: Profile, name: str, address: LorawanAddress, others: dict[str, Payload]) -> Payload:
    port = address.downlink or 0
    made: Layout | LppCommand
    if address.lpp is not None:
        made = LppCommand(port, name, address.channel, address.scale)
    else:
        made = Layout(port, (place(name, address),), bytes.fromhex(address.preset))
    for other, payload in others.items():
        if payload.f_port == port and not _told_apart(made, payload):
            raise profile.problem(
                name,
                f"{name}: fPort {port} already carries another command, and {other} looks the same",
                "give every command an fPort, a preset or a channel of its own",
            )
    return made


def _told_apart(made: Layout | LppCommand, other: Payload) -> bool:
    if isinstance(made, LppCommand) and isinstance(other, LppCommand):
        return made.channel != other.channel
    return isinstance(made, Layout) and isinstance(other, Layout) and made.is_told_from(other)


def _uplink(profile: Profile, port: int, given: dict[str, LorawanAddress]) -> Payload:
    if all(address.lpp is not None for address in given.values()):
        return _records(profile, port, given)
    places: list[Place] = []
    for name, address in given.items():
        if address.lpp is not None:
            raise profile.problem(name, f"{name}: fPort {port} carries Cayenne LPP or places, not both")
        places.append(place(name, address))
        _check_overlap(profile, places)
    return Layout(port, tuple(places))


def _records(profile: Profile, port: int, given: dict[str, LorawanAddress]) -> LppLayout:
    fields, taken = [], set()
    for name, address in given.items():
        key = (address.channel, address.lpp, address.number)
        if key in taken:
            raise profile.problem(
                name, f"{name}: channel {address.channel} {address.lpp} is another signal's"
            )
        taken.add(key)
        try:
            fields.append(lpp_field(name, address, profile.signals[name].unit))
        except ValueError as error:
            raise profile.problem(name, f"{name}: lpp {address.lpp}: {error}") from None
    return LppLayout(port, tuple(fields))


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


def _check_overlap(profile: Profile, places: list[Place]) -> None:
    *others, last = places
    for other in others:
        if last.bits.start < other.bits.stop and other.bits.start < last.bits.stop:
            message = f"{last.signal}: {_where(last)} overlap {other.signal}"
            raise profile.problem(last.signal, message)


def _where(place: Place) -> str:
    first, last = place.bits.start, place.bits.stop - 1
    if first % 8 == 0 and last % 8 == 7:
        return f"bytes {first // 8} to {last // 8}"
    return f"bits {first} to {last}"


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


def _period(profile: Profile, signals: list[str]) -> float:
    """Return the seconds between two uplinks of one fPort, on which all its signals must agree."""
    periods: set[float] = set()
    for name in signals:
        rate = profile.signals[name].rate
        if rate is None:
            raise profile.problem(
                name,
                f"{name} has no rate",
                "add rate: how often it is sent, for example 0.1 Hz",
            )
        periods.add(1 / units.hertz(rate))
        if len(periods) > 1:
            message = f"{name}: signals of one uplink must have one rate"
            raise profile.problem(name, message)
    return periods.pop()
