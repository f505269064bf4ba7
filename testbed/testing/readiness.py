"""Waits until the devices that a test needs are online and have given a good sample of what they promise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from testbed.clock import NS
from testbed.drivers import LinkState
from testbed.signals import Event, Quality, Sample, Signal, Stage

from .scene import Scene

_PERIODS = 3  # of the slowest signal on top of that


class Readiness:
    """What is still missing on a scene."""

    def __init__(self, scene: Scene, needs: Iterable[str], patience: float) -> None:
        """`patience` is how long a device may take, in s, on top of three periods of its slowest signal."""
        self._patience_ns = round(patience * NS)
        self._scene = scene
        self._there = asyncio.Event()
        self._signals: dict[int, Signal] = {}
        self._devices: set[str] = set()
        readings = scene.parts.mirror.readings
        for name in needs:
            driver = scene.parts.drivers.get(name)
            if driver is None or driver.state is not LinkState.ONLINE:
                self._devices.add(name)
            for signal in scene.bench.devices[name].signals.values():
                # One that promises no rate may say nothing for hours.
                if not signal.writable and signal.period_ns and readings[signal.id].good is None:
                    self._signals[signal.id] = signal

    async def wait(self) -> str:
        """Return what could not be reached, empty when all is there."""
        scene, watched = self._scene, list(self._signals)
        slowest_ns = max((each.period_ns for each in self._signals.values()), default=0)
        for number in watched:
            scene.parts.hub.subscribe(number, Stage.WATCH, self._sample)
        scene.events.append(self._event)
        scene.endings.append(self._there.set)
        timer = scene.clock.at(scene.clock.now() + self._patience_ns + _PERIODS * slowest_ns, self._there.set)
        self._look()
        try:
            await self._there.wait()
        finally:
            timer.cancel()
            scene.events.remove(self._event)
            scene.endings.remove(self._there.set)
            for number in watched:
                scene.parts.hub.unsubscribe(number, self._sample)
        return self._missing()

    def _sample(self, sample: Sample) -> None:
        if sample.quality is Quality.GOOD and self._signals.pop(sample.signal, None) is not None:
            self._look()

    def _event(self, event: Event) -> None:
        if event.kind == "online":
            self._devices.discard(event.source)
        self._look()

    def _look(self) -> None:
        if not self._signals and not self._devices:
            self._there.set()

    def _missing(self) -> str:
        readings = self._scene.parts.mirror.readings
        found = [self._away(name) for name in sorted(self._devices)]
        found += [
            f"{signal.path} has no good sample: {readings[signal.id].last.reason}"
            for signal in self._signals.values()
            if signal.device not in self._devices
        ]
        return "; ".join(found)

    def _away(self, name: str) -> str:
        device = self._scene.bench.devices[name]
        reasons = {self._scene.parts.mirror.readings[each.id].last.reason for each in device.signals.values()}
        told = "; ".join(sorted(reasons - {"", "no sample yet"}))
        return f"{name} cannot be reached on {device.wire}" + (f": {told}" if told else "")
