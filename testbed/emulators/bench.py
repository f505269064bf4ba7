"""Emulates devices of a bench: every protocol on its real wire, one plant behind all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from testbed.bench import Bench
from testbed.clock import Clock, Seeds
from testbed.errors import TestbedError
from testbed.plants import Plant

from .base import EmulatedDevice, EmulatorContext, Ready, Store
from .places import Places
from .registry import emulator_of
from .world import World

Failed = Callable[[str, str], None]
"""Called once for a device that cannot be emulated, with the reason."""


async def emulate_bench(
    bench: Bench,
    plant: Plant | None,
    names: Iterable[str],
    clock: Clock,
    seeds: Seeds,
    places: Places,
    ready: Ready,
    failed: Failed,
) -> None:
    """Answer for the named devices until cancelled; `plant` is the one that the bench declares.

    Each device is told of exactly once: `ready` with its wire, or `failed` with the reason; one that
    cannot be emulated does not keep the others from answering.
    """
    emulated = {name: EmulatedDevice(bench.devices[name], Store(bench.devices[name])) for name in names}
    world = None
    if bench.plant is not None and plant is not None:
        world = World(plant, bench.plant, emulated, clock, seeds).start()
    try:
        async with asyncio.TaskGroup() as group:
            for protocol, devices in _by_protocol(emulated.values()).items():
                context = EmulatorContext(clock, seeds.stream(f"emulator/{protocol}"), places)
                group.create_task(
                    _serve(protocol, devices, context, ready, failed), name=f"emulate {protocol}"
                )
    finally:
        if world is not None:
            world.cancel()


async def _serve(
    protocol: str, devices: list[EmulatedDevice], context: EmulatorContext, ready: Ready, failed: Failed
) -> None:
    answering: set[str] = set()

    def announce(name: str, wire: str) -> None:
        answering.add(name)
        ready(name, wire)

    try:
        await emulator_of(protocol)(devices, context, announce)
    except TestbedError as error:
        for each in devices:
            if each.device.name not in answering:
                failed(each.device.name, each.device.wire.redacted(str(error)))


def _by_protocol(devices: Iterable[EmulatedDevice]) -> dict[str, list[EmulatedDevice]]:
    groups: dict[str, list[EmulatedDevice]] = {}
    for each in devices:
        groups.setdefault(each.device.profile.protocol, []).append(each)
    return groups
