"""Emulates devices of a bench: every protocol on its real wire, one plant behind all of them.

A device with firmware is answered for by its firmware, the others by the emulator of their protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from testbed.bench import Bench, PlannedFault
from testbed.bench.device import Device
from testbed.bench.faults import WIRE
from testbed.clock import Clock, Seeds
from testbed.errors import TestbedError
from testbed.plants import Plant
from testbed.signals import Event, Level

from .base import Breakable, EmulatedDevice, EmulatorContext, Plug, Ready, Store
from .breaking import Breaker, Orders, Patient
from .places import Places
from .registry import emulator_of, part_of
from .world import World

Failed = Callable[[str, str], None]
"""Called once for a device that cannot be emulated, with the reason."""

Tell = Callable[[Event], None]


async def emulate_bench(
    bench: Bench,
    plant: Plant | None,
    names: Iterable[str],
    clock: Clock,
    seeds: Seeds,
    places: Places,
    ready: Ready,
    failed: Failed,
    tell: Tell = lambda event: None,
    orders: Orders | None = None,
) -> None:
    """Answer for the named devices until cancelled; `plant` is the one that the bench declares.

    Each device is told of exactly once: `ready` with its wire, or `failed` with the reason; one that
    cannot be emulated does not keep the others from answering. `tell` hears of what happens inside
    the devices. The bench file's faults begin when all have been told of, and what `orders` brings is
    carried out as it comes.
    """
    emulated = {name: EmulatedDevice(bench.devices[name], Store(bench.devices[name])) for name in names}
    world = None
    if bench.plant is not None and plant is not None:
        world = World(plant, bench.plant, emulated, clock, seeds).start()
    roll = _Roll(emulated, ready, failed)
    breakables: dict[str, Breakable] = {}
    plugs: dict[str, Plug] = {}

    def context(part: str) -> EmulatorContext:
        return EmulatorContext(
            clock, seeds.stream(f"emulator/{part}"), places, tell=tell, breakables=breakables, plugs=plugs,
            lorawan=bench.lorawan,
            log=lambda text: tell(Event(clock.now(), Level.INFO, part, "emulator", text)),
        )  # fmt: skip

    try:
        async with asyncio.TaskGroup() as group:
            serving = [
                group.create_task(_serve(devices, context(part), roll), name=f"emulate {part}")
                for part, devices in _parts(emulated.values()).items()
            ]
            await roll.complete.wait()
            patient = Patient(bench, emulated, plant, plugs, breakables)
            breaker = Breaker(patient, clock, seeds.stream("emulator/faults"), tell)
            breaking = [
                group.create_task(_play(breaker, fault, clock), name=f"fault {fault.fault}")
                for fault in bench.faults
                if fault.device in emulated and fault.fault not in WIRE
            ]
            if orders is not None:
                breaking.append(group.create_task(breaker.obey(aiter(orders)), name="orders"))
            await asyncio.wait(serving)
            for task in breaking:
                task.cancel()
    finally:
        if world is not None:
            world.cancel()


async def _play(breaker: Breaker, planned: PlannedFault, clock: Clock) -> None:
    await clock.sleep(planned.at)
    await breaker.play(planned)


class _Roll:
    """Who has been told of."""

    def __init__(self, names: Iterable[str], ready: Ready, failed: Failed) -> None:
        self.complete = asyncio.Event()
        self._missing = set(names)
        self._ready = ready
        self._failed = failed

    def ready(self, name: str, wire: str) -> None:
        self._ready(name, wire)
        self._heard(name)

    def fail(self, device: Device, error: TestbedError) -> None:
        """Tell why a device cannot be emulated, unless it is already answering."""
        if device.name in self._missing:
            self._failed(device.name, device.wire.redacted(str(error)))
            self._heard(device.name)

    def _heard(self, name: str) -> None:
        self._missing.discard(name)
        if not self._missing:
            self.complete.set()


async def _serve(devices: list[EmulatedDevice], context: EmulatorContext, roll: _Roll) -> None:
    try:
        if devices[0].device.firmware is not None:
            from .firmware.server import serve_firmware

            await serve_firmware(devices[0], context, roll.ready)
        else:
            await emulator_of(part_of(devices[0].device))(devices, context, roll.ready)
    except TestbedError as error:
        for each in devices:
            roll.fail(each.device, error)


def _parts(devices: Iterable[EmulatedDevice]) -> dict[str, list[EmulatedDevice]]:
    """Return what is emulated together: the devices of one protocol; each device with firmware by itself."""
    groups: dict[str, list[EmulatedDevice]] = {}
    for each in devices:
        device = each.device
        part = part_of(device) if device.firmware is None else f"firmware/{device.name}"
        groups.setdefault(part, []).append(each)
    return groups
