"""Drivers on their wires under one commander, guard and safe state, as a run puts them together."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from hil_tests.support import eventually
from testbed.bench import Loop, PidPlan
from testbed.bench.device import Device, make_signals
from testbed.clock import NS, Clock, SystemClock
from testbed.control import Commander, LoopRunner, SafeState
from testbed.control.terms import Terms
from testbed.drivers import Driver, DriverContext, LinkState, driver_class
from testbed.links import Direction
from testbed.signals import Command, Event, Hub, Sample, Signal, Stage
from testbed.twin.guard import Guard


@dataclass
class CycleList:
    """A loop's cycles: (time, lateness, age, written, acknowledged, flags), in ns; beside them, the terms."""

    cycles: list[tuple[int, ...]] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    def add(self, *cycle: Any) -> None:
        *timing, terms = cycle
        assert len(timing) == 6
        self.cycles.append(tuple(timing))
        self.terms.append(terms)


@dataclass
class Control:
    """The parts, and all that they said."""

    clock: Clock
    signals: list[Signal]
    hub: Hub
    drivers: dict[str, Driver] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    commander: Commander = field(init=False)
    safe_state: SafeState = field(init=False)

    def signal(self, path: str) -> Signal:
        return next(signal for signal in self.signals if signal.path == path)

    def of(self, path: str) -> list[Sample]:
        number = self.signal(path).id
        return [sample for sample in self.samples if sample.signal == number]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def loop(
        self,
        reads: str,
        writes: str,
        rate: float,
        stale_after: float = 60.0,
        kp: float = 1.0,
        ki: float = 0.0,
    ) -> tuple[LoopRunner, CycleList]:
        """Return a started loop towards 10, and its cycles."""
        actuator = self.signal(writes)
        spec = Loop(
            "loop", self.signal(reads), actuator, PidPlan(kp=kp, ki=ki), 10.0,
            round(NS / rate), round(stale_after * NS),
        )  # fmt: skip
        cycles = CycleList()
        runner = LoopRunner(
            spec, self.clock, self.commander, cycles, self.events.append,
            lambda requester: self.safe_state.drive(actuator, requester),
        )  # fmt: skip
        self.hub.subscribe(spec.reads.id, Stage.LOOP, runner.on_sample)
        runner.start()
        return runner, cycles


@contextlib.asynccontextmanager
async def control(*devices: Device, wait_online: bool = True) -> AsyncIterator[Control]:
    """Run the drivers of `devices` under control."""
    clock = SystemClock()
    numbered: list[Device] = []
    signals: list[Signal] = []
    for device in devices:
        numbered.append(replace(device, signals=make_signals(device.name, device.profile, len(signals))))
        signals += numbered[-1].signals.values()
    broken: list[Exception] = []
    made = Control(clock, signals, Hub(len(signals), lambda _, error: broken.append(error)))

    def tap(time_ns: int, direction: Direction, data: bytes) -> None:
        if direction is Direction.TX:
            made.sent.append(data)

    made.commander = Commander(
        signals, clock, Guard(signals).judge, made.hub.publish, made.commands.append, made.events.append
    )
    for device in numbered:
        context = DriverContext(
            clock, made.hub.publish, made.events.append, tap, random.Random(1), made.commander.command
        )
        driver = made.drivers[device.name] = driver_class(device.profile.protocol)(device, context)
        made.commander.attach(driver)
    made.safe_state = SafeState(signals, made.drivers, made.commander, clock, made.events.append)
    made.hub.subscribe_all(Stage.RECORD, made.samples.append)
    tasks = [asyncio.create_task(driver.run()) for driver in made.drivers.values()]
    try:
        if wait_online:
            for driver in made.drivers.values():
                await eventually(lambda d=driver: d.state is LinkState.ONLINE, f"{driver.device.name} online")
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        clock.close()
    assert broken == []
