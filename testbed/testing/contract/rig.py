"""Both ends of a wire for tests: the real emulator answering the real driver over the real wire."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from testbed.bench.device import Device, make_signals
from testbed.bench.profile import Profile, find_profile, load_profile
from testbed.bench.wires import parse_wire
from testbed.clock import Clock, SystemClock
from testbed.drivers import Driver, DriverContext, LinkState, driver_class
from testbed.emulators import EmulatedDevice, EmulatorContext, Plug, Store, emulator_of
from testbed.emulators.base import Breakable
from testbed.emulators.places import SystemPlaces
from testbed.emulators.registry import part_of
from testbed.links import Direction
from testbed.links.faulty import FaultyOpener, FaultyWire
from testbed.signals import Command, Event, Priority, Quality, Sample, Signal, Verdict


async def eventually(condition: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Wait until `condition()` is true; fails with `what` after `within` seconds.

    On a slow machine the environment variable PATIENCE makes them longer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within * float(os.environ.get("PATIENCE", "1"))
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        await asyncio.sleep(0.005)


def make_device(profile: str | Profile, wire: str, name: str = "dut", **configure: float) -> Device:
    """Return a device made from a shipped profile (by name) or a profile object."""
    if isinstance(profile, str):
        file = find_profile(profile, Path("."))
        assert file is not None, profile
        profile = load_profile(file)
    return Device(name, parse_wire(wire), profile, make_signals(name, profile, 0), configure)


@dataclass
class DriverLog:
    """All that a driver said, and a way to command it."""

    clock: Clock
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    frames: list[tuple[int, Direction, bytes]] = field(default_factory=list)
    recorded: list[tuple[int, Direction, bytes]] = field(default_factory=list)
    driver: Driver | None = None

    def context(self) -> DriverContext:
        """Return a context that writes everything down here; commands pass unjudged."""
        return DriverContext(
            clock=self.clock,
            publish=self.samples.append,
            report=self.events.append,
            tap=self._passed,
            random=random.Random(1),
            command=lambda signal, value, requester: self._submit(signal, value, requester),
        )

    def _passed(self, time_ns: int, direction: Direction, data: bytes) -> None:
        self.recorded.append((time_ns, direction, data))
        if not direction.is_mark:
            self.frames.append((time_ns, direction, data))

    def of(self, signal: str, quality: Quality | None = None) -> list[Sample]:
        """Return the samples of one signal, oldest first."""
        assert self.driver is not None
        number = self.driver.device.signals[signal].id
        return [s for s in self.samples if s.signal == number and quality in (None, s.quality)]

    def good(self, signal: str) -> list[Sample]:
        """Return the good samples of one signal."""
        return self.of(signal, Quality.GOOD)

    def kinds(self) -> list[str]:
        """Return the kinds of the events, in order."""
        return [event.kind for event in self.events]

    def command(self, signal: str, value: float, priority: Priority = Priority.COMMAND) -> Command:
        """Give a command as the guard would pass it on; returns it with its outcome to come."""
        assert self.driver is not None
        return self._submit(self.driver.device.signals[signal], value, "test", priority)

    def _submit(
        self, signal: Signal, value: float, requester: str, priority: Priority = Priority.COMMAND
    ) -> Command:
        assert self.driver is not None
        now = self.clock.now()
        command = Command(
            signal.id, value, requester, now, now + 10**10, priority=priority, verdict=Verdict.ALLOWED
        )
        self.driver.submit(command)
        return command


class Emulated(dict[str, EmulatedDevice]):
    """The emulated devices by name, with the wires at which they answer and what can be broken of them."""

    def __init__(
        self, devices: dict[str, EmulatedDevice], plugs: dict[str, Plug], breakables: dict[str, Breakable]
    ) -> None:
        super().__init__(devices)
        self.plugs = plugs
        self.breakables = breakables


@contextlib.asynccontextmanager
async def emulate(*devices: Device) -> AsyncIterator[Emulated]:
    """Run the emulators of `devices` (one protocol) on real wires; yields them with those wires."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        context = EmulatorContext(clock, random.Random(2), SystemPlaces(Path(folder)))
        emulated = {device.name: EmulatedDevice(device, Store(device)) for device in devices}
        wires: dict[str, str] = {}
        serve = emulator_of(part_of(devices[0]))
        task = asyncio.ensure_future(serve(list(emulated.values()), context, wires.__setitem__))
        try:
            await eventually(
                lambda: task.done() or len(wires) == len(devices), "every emulated device ready", within=20
            )
            if task.done():
                await task
            yield Emulated(
                {
                    name: EmulatedDevice(replace(each.device, wire=parse_wire(wires[name])), each.store)
                    for name, each in emulated.items()
                },
                context.plugs,
                context.breakables,
            )
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            clock.close()


def _over(log: DriverLog, wire: Callable[[Clock], FaultyWire] | None) -> DriverContext:
    context = log.context()
    if wire is None:
        return context
    return replace(context, opener=FaultyOpener(context.opener, wire(log.clock)))


@contextlib.asynccontextmanager
async def run_driver(
    device: Device, *, wait_online: bool = True, wire: Callable[[Clock], FaultyWire] | None = None
) -> AsyncIterator[DriverLog]:
    """Run the driver of `device` under its supervision; yields its log, by default once it is online.

    `wire` makes a wire that may be broken.
    """
    clock = SystemClock()
    log = DriverLog(clock)
    driver = log.driver = driver_class(device.profile.protocol)(device, _over(log, wire))
    task = asyncio.create_task(driver.run())
    try:
        if wait_online:
            await eventually(lambda: driver.state is LinkState.ONLINE or task.done(), "the driver online")
        if task.done():
            await task
        yield log
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        clock.close()
