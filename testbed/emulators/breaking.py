"""Breaks emulated devices and the plant on purpose, and mends them; each time it is told as an event."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from testbed.bench import Bench, BenchFileError, PlannedFault
from testbed.bench.faults import EMULATED, FIRMWARE, MODBUS, RADIO, SIGNAL, Fault, Place, numbers_of
from testbed.clock import Clock
from testbed.errors import TestbedError, UsageError
from testbed.plants import BreakablePlant, Plant
from testbed.signals import Event, Level

from .base import Breakable, EmulatedDevice, Plug

KIND = "fault"
"""The kind of the events."""
MENDED = "mended"
_SLOW_NS = 20_000_000

Mend = Callable[[], Awaitable[None] | None]


class Order(msgspec.Struct):
    """What is to be done: break (with parameters, for `lasts` s or until it is mended) or mend."""

    do: str
    device: str
    fault: str
    parameters: dict[str, float | str] = {}
    lasts: float | None = None
    who: str = ""

    @classmethod
    def of(cls, planned: PlannedFault, who: str = "") -> Order:
        """Return the order to break as planned."""
        return cls("break", planned.device, planned.fault, planned.parameters, planned.lasts, who)

    def planned(self) -> PlannedFault:
        """Return it as a fault of a bench file, at once."""
        return PlannedFault(self.device, self.fault, 0.0, self.lasts, self.parameters)


@dataclass(frozen=True)
class Patient:
    """All that can be broken: the emulated devices, what they hang on, their firmware, the plant."""

    bench: Bench
    devices: Mapping[str, EmulatedDevice]
    plant: Plant | None
    plugs: Mapping[str, Plug]
    breakables: Mapping[str, Breakable]


class Breaker:
    """Carries out faults of the catalogue that act behind the wire."""

    def __init__(
        self, patient: Patient, clock: Clock, chance: random.Random, tell: Callable[[Event], None]
    ) -> None:
        self._patient = patient
        self._clock = clock
        self._chance = chance
        self._tell = tell
        self._broken: dict[tuple[str, str], Mend] = {}

    async def play(self, planned: PlannedFault, who: str = "") -> None:
        """Break as planned from now on, and mend when its time is over; what cannot be is told."""
        key = planned.device, planned.fault
        try:
            await self._mend(key)  # one of its kind at a time
            fault = self._fault(planned.fault)
            told = "".join(f", {name} {value}" for name, value in planned.parameters.items())
            self._say(planned, f"{fault.what}{told}{f'; {who} asked for it' if who else ''}")
            self._broken[key] = await self._break(planned, fault)
            if not fault.lasts:
                await self._mend(key)
            elif planned.lasts is not None:
                await self._clock.sleep(planned.lasts)
                await self.mend(*key)
        except (TestbedError, BenchFileError) as error:
            self._say(planned, str(error), Level.ERROR)

    async def mend(self, device: str, fault: str) -> None:
        """End a fault; one that is over already is no error."""
        if await self._mend((device, fault)):
            self._tell(Event(self._clock.now(), Level.INFO, device, KIND, f"{fault} at {device}: {MENDED}"))

    async def obey(self, orders: AsyncIterator[Order]) -> None:
        """Carry out orders as they come, several at a time."""
        async with asyncio.TaskGroup() as group:
            async for order in orders:
                work = (
                    self.play(order.planned(), order.who)
                    if order.do == "break"
                    else self.mend(order.device, order.fault)
                )
                group.create_task(work, name=f"{order.do} {order.device}: {order.fault}")

    async def _mend(self, key: tuple[str, str]) -> bool:
        mend = self._broken.pop(key, None)
        if mend is None:
            return False
        done = mend()
        if done is not None:
            await done
        return True

    def _fault(self, name: str) -> Fault:
        found = {**EMULATED, **MODBUS, **FIRMWARE, **RADIO, **faults_of(self._patient.plant)}.get(name)
        if found is None:
            raise UsageError(f"{name} is no fault of an emulated device")
        return found

    async def _break(self, planned: PlannedFault, fault: Fault) -> Mend:
        patient, name = self._patient, planned.device
        device = patient.devices.get(name)
        if device is None:
            raise UsageError(f"{name} is not emulated")
        units = {signal.name: signal.unit for signal in device.device.signals.values()}
        match fault.place:
            case Place.FIRMWARE | Place.RADIO:
                return await self._break_inside(planned, fault, device, planned.parameters)
            case Place.ANSWER:
                return await self._break_inside(planned, fault, device, numbers_of(planned, fault, units))
            case Place.PLANT:
                plant = patient.plant
                assert isinstance(plant, BreakablePlant)  # noqa: S101  (it has declared the fault)
                plant.break_(planned.fault, numbers_of(planned, fault, units))
                return lambda: plant.mend(planned.fault)
            case Place.DEVICE:
                return await self._break_device(planned, numbers_of(planned, fault, units))
            case Place.SENSOR:
                return self._bend(planned, device, numbers_of(planned, fault, units))
            case _:
                return self._jam(planned, device, numbers_of(planned, fault, units))

    async def _break_inside(
        self, planned: PlannedFault, fault: Fault, device: EmulatedDevice, told: Mapping[str, float | str]
    ) -> Mend:
        breakable = self._patient.breakables.get(planned.device)
        broken, runs = device.device, device.device.firmware is not None
        unsuited = fault.unsuited(
            broken.profile.protocol, broken.wire.scheme, firmware=runs and breakable is not None
        )
        if unsuited or breakable is None:
            raise UsageError(f"{planned.fault} {unsuited or 'cannot be had here'}; {planned.device} is none")
        await breakable.break_(planned.fault, told)
        return lambda: breakable.mend(planned.fault)

    async def _break_device(self, planned: PlannedFault, told: Mapping[str, float | str]) -> Mend:
        plug = self._patient.plugs.get(planned.device)
        if plug is None:
            raise UsageError(f"the wire of {planned.device} cannot be pulled")
        plug.unplug()
        if planned.fault == "reboot":
            self._patient.devices[planned.device].store.restart()
            await self._clock.sleep(float(told["away"]))
        return plug.plug

    def _bend(self, planned: PlannedFault, device: EmulatedDevice, told: Mapping[str, float | str]) -> Mend:
        name, clock, chance = str(told[SIGNAL]), self._clock, self._chance
        store, since_ns = device.store, clock.now()
        end = float(told.get("value", store.read(name)))

        def drift(value: float) -> float:
            return value + float(told["rate"]) * (clock.now() - since_ns) / 60e9

        seen: dict[str, Callable[[float], float]] = {
            "stuck": lambda value: end,
            "drifting": drift,
            "noisy": lambda value: value + chance.gauss(0.0, float(told["sigma"])),
            "saturated": lambda value: min(value, end),
        }
        store.bend(name, seen[planned.fault])
        return lambda: store.bend(name, None)

    def _jam(self, planned: PlannedFault, device: EmulatedDevice, told: Mapping[str, float | str]) -> Mend:
        name, store = str(told[SIGNAL]), device.store
        if planned.fault == "jammed":
            store.route(name, lambda value: None)
            return lambda: store.route(name, None)
        lagging = _Lag(store.read(name), float(told["lag"]), lambda value: store.tell(name, value))
        ticker = self._clock.every(_SLOW_NS, lagging.step)
        store.route(name, lagging.aim)

        def mend() -> None:
            ticker.cancel()
            store.route(name, None)

        return mend

    def _say(self, planned: PlannedFault, text: str, level: Level = Level.INFO) -> None:
        told = f"{planned.fault} at {planned.device}: {text}"
        self._tell(Event(self._clock.now(), level, planned.device, KIND, told))


class _Lag:
    """A value that follows another by a first-order lag."""

    def __init__(self, value: float, lag: float, moved: Callable[[float], None]) -> None:
        self._value = self._wanted = value
        self._share = 1.0 if lag <= 0 else min(1.0, _SLOW_NS / 1e9 / lag)
        self._moved = moved

    def aim(self, value: float) -> None:
        """Follow `value` from now on."""
        self._wanted = value

    def step(self) -> None:
        """Come nearer, by one tick."""
        self._value += (self._wanted - self._value) * self._share
        self._moved(self._value)


def faults_of(plant: object) -> Mapping[str, Fault]:
    """Return the faults that a plant (or its class) declares."""
    found: Mapping[str, Fault] = getattr(plant, "FAULTS", {})
    return found


class Orders:
    """A queue of orders; what comes as JSON is read here."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Order] = asyncio.Queue()

    def put(self, order: Order) -> None:
        """Have an order carried out."""
        self._queue.put_nowait(order)

    async def __aiter__(self) -> AsyncIterator[Order]:
        """Yield the orders as they come."""
        while True:
            yield await self._queue.get()


def order_of(line: bytes) -> Order:
    """Read an order; raises UsageError for what is none."""
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(line, type=Order)
    raise UsageError(f"{line[:100]!r} is no order")
