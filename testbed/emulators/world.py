"""Moves values between the plant and the emulated devices, through sensors that lag and make noise."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from testbed.bench.device import Device
from testbed.bench.spec import PlantSpec
from testbed.bench.units import convert, seconds
from testbed.clock import Clock, Seeds, Ticker
from testbed.plants import Plant

from .base import EmulatedDevice, Store

_STEP_NS = 10_000_000
_LONGEST_STEP = 1.0  # s; a process that slept longer goes on from where it stood


class Sensor:
    """One signal of one device as it sees an output of the plant."""

    def __init__(
        self, store: Store, name: str, output: str, lag: float, noise: float, chance: random.Random
    ) -> None:
        self.output = output
        self._store = store
        self._name = name
        self._lag = lag
        self._noise = noise
        self._chance = chance
        self._seen = math.nan

    def update(self, value: float, dt: float) -> None:
        """Take the plant's `value` after `dt` seconds: first-order lag (exact step), then noise."""
        if math.isnan(self._seen) or self._lag <= 0:
            self._seen = value
        else:
            self._seen += (value - self._seen) * -math.expm1(-dt / self._lag)
        noise = self._chance.gauss(0, self._noise) if self._noise else 0.0
        self._store.set(self._name, self._seen + noise)


class World:
    """The plant and what is connected to it; devices that are not emulated here are left out."""

    def __init__(
        self, plant: Plant, spec: PlantSpec, devices: Mapping[str, EmulatedDevice], clock: Clock, seeds: Seeds
    ) -> None:
        self.plant = plant
        self._clock = clock
        self._sensors: list[Sensor] = []
        self._last_ns = 0
        for key, value in spec.connect.items():
            if "." in key:
                self._drive(key, str(value), devices)
                continue
            for target in value if isinstance(value, list) else [value]:
                self._sense(key, target, spec, devices, seeds)

    def start(self) -> Ticker:
        """Begin to step, 100 times a second; cancel the ticker to stop."""
        self._last_ns = self._clock.now()
        self.step(0.0)
        return self._clock.every(_STEP_NS, self._tick)

    def step(self, dt: float) -> None:
        """Advance the plant by `dt` seconds and show it to the sensors."""
        if dt > 0:
            self.plant.step(dt)
        for sensor in self._sensors:
            sensor.update(self.plant.output(sensor.output), dt)

    def _tick(self) -> None:
        now = self._clock.now()
        dt, self._last_ns = (now - self._last_ns) / 1e9, now
        self.step(min(dt, _LONGEST_STEP))

    def _drive(self, path: str, plant_input: str, devices: Mapping[str, EmulatedDevice]) -> None:
        device, _, name = path.partition(".")
        if device not in devices:
            return
        store, plant = devices[device].store, self.plant

        def moved(signal: str, value: float) -> None:
            if signal == name:
                plant.set(plant_input, value)

        plant.set(plant_input, store.read(name))
        store.watch(moved)

    def _sense(
        self, output: str, path: str, spec: PlantSpec, devices: Mapping[str, EmulatedDevice], seeds: Seeds
    ) -> None:
        device, _, name = path.partition(".")
        if device not in devices:
            return
        emulated = devices[device]
        lag, noise = _sensor_numbers(emulated.device, name, spec)
        chance = seeds.stream(f"sensor/{path}")
        self._sensors.append(Sensor(emulated.store, name, output, lag, noise, chance))


def _sensor_numbers(device: Device, name: str, spec: PlantSpec) -> tuple[float, float]:
    """Return lag in seconds and noise in the signal's unit."""
    sensor = spec.sensors.get(f"{device.name}.{name}")
    if sensor is None:
        return 0.0, 0.0
    return seconds(sensor.lag), convert(sensor.noise, device.signals[name].unit, difference=True)
