"""Both ends of Bluetooth LE wires: emulated devices that count what they notify, and who listens to them.

The devices print their wires; from then on each line of stdin pulls the first one away for some seconds
and prints when it was back. Who listens prints what came within some seconds, what of it was lost and
with how much CPU; and then, for each loss of the first device, when its first value came again.
Times are those of CLOCK_MONOTONIC, one for all processes. Run by benchmarks/wires_ble.py.

    python -m benchmarks.ble_ends devices COUNT AWAY_SECONDS
    python -m benchmarks.ble_ends testbed|bleak SECONDS WIRE...
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from testbed.bench.device import Device, make_signals
from testbed.bench.profile import load_profile
from testbed.bench.wires import parse_wire
from testbed.clock import SystemClock

RATE = 50
"""Notifications a second of each device."""

_COUNTED = "0000aa01-1234-5678-1234-56789abcdef0"
_PROFILE = f"""profile: counter
protocol: ble
signals:
  count: {{service: 0x181A, characteristic: {_COUNTED}, type: uint32, access: notify, rate: {RATE} Hz}}
"""
_PAUSE_NS = 400_000_000  # longer than any jitter, shorter than any reconnection


class Tally:
    """What came from each device, whose values count up by one."""

    def __init__(self, devices: int) -> None:
        self.complete = asyncio.Event()
        """Set when all devices have spoken."""
        self._devices = devices
        self.received = 0
        self.lost = 0
        self._last: dict[str, int] = {}
        self._first: tuple[str, int] = ("", 0)

    def take(self, device: str, value: int) -> None:
        """Take a value; prints when the first device speaks again after a pause."""
        self.received += 1
        self.lost += value - self._last.get(device, value - 1) - 1
        self._last[device] = value
        if len(self._last) == self._devices:
            self.complete.set()
        now = time.monotonic_ns()
        name, before = self._first
        if name in ("", device):
            if before and now - before > _PAUSE_NS:
                print(json.dumps({"back_ns": now}), flush=True)
            self._first = (device, now)


def _device(name: str, wire: str) -> Device:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "counter.yaml")
        file.write_text(_PROFILE)
        profile = load_profile(file)
    return Device(name, parse_wire(wire), profile, make_signals(name, profile, 0), {})


async def _devices(count: int, away: float) -> None:
    from testbed.emulators import EmulatedDevice, EmulatorContext, Store, emulator_of
    from testbed.emulators.places import SystemPlaces

    clock = SystemClock()
    emulated, wires = [], {}
    for number in range(count):
        device = _device(f"d{number}", f"ble://C0:FF:EE:00:00:{number:02X}")
        store = Store(device)
        store.bend("count", _counting())
        emulated.append(EmulatedDevice(device, store))
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        context = EmulatorContext(clock, random.Random(2), SystemPlaces(Path(folder)))

        def ready(name: str, wire: str) -> None:
            wires[name] = wire
            if len(wires) == count:
                print(json.dumps(list(wires.values())), flush=True)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(emulator_of("ble")(emulated, context, ready))
            while await asyncio.to_thread(sys.stdin.readline):
                context.plugs["d0"].unplug()
                await asyncio.sleep(away)
                context.plugs["d0"].plug()
                print(json.dumps({"back_ns": time.monotonic_ns()}), flush=True)


def _counting() -> Callable[[float], float]:
    numbers: Iterator[int] = itertools.count(1)
    return lambda _: float(next(numbers))


async def _testbed(tally: Tally, wires: list[str]) -> None:
    from testbed.drivers import DriverContext, driver_class
    from testbed.links import no_tap
    from testbed.signals import Quality, Sample

    clock = SystemClock()

    def publish(name: str, sample: Sample) -> None:
        if sample.quality is Quality.GOOD:
            tally.take(name, int(sample.value))

    async with asyncio.TaskGroup() as tasks:
        for number, wire in enumerate(wires):
            name = f"d{number}"
            context = DriverContext(
                clock=clock, publish=lambda sample, name=name: publish(name, sample), tap=no_tap,  # type: ignore[misc]
                report=lambda event: None, random=random.Random(number), command=lambda *_: None,
            )  # fmt: skip
            tasks.create_task(driver_class("ble")(_device(name, wire), context).run())


async def _bleak(tally: Tally, wires: list[str]) -> None:
    """Do as a script written by hand does: scan for each device, connect, and again when it is lost."""
    import os

    from bleak import BleakClient, BleakScanner

    parsed = [parse_wire(wire) for wire in wires]
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = parsed[0].option("bus", "")
    turn = asyncio.Lock()

    async def once(address: str) -> None:
        lost = asyncio.Event()
        async with turn:
            found = await BleakScanner.find_device_by_address(address, timeout=3.0)
            client = BleakClient(found or address, lambda _: lost.set())
            await client.connect()
        await client.start_notify(_COUNTED, lambda _, data: tally.take(address, struct.unpack("<I", data)[0]))
        await lost.wait()

    async def hold(address: str) -> None:
        while True:
            with contextlib.suppress(Exception):
                await once(address)

    async with asyncio.TaskGroup() as tasks:
        for wire in parsed:
            tasks.create_task(hold(wire.host))


async def _listen(whose: str, seconds: float, wires: list[str]) -> None:
    tally = Tally(len(wires))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task((_testbed if whose == "testbed" else _bleak)(tally, wires))
        await tally.complete.wait()
        received, cpu = tally.received, time.process_time()
        await asyncio.sleep(seconds)
        told = {"received": tally.received - received, "lost": tally.lost, "cpu": time.process_time() - cpu}
        print(json.dumps(told), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "devices":
        uvloop.run(_devices(int(sys.argv[2]), float(sys.argv[3])))
    else:
        uvloop.run(_listen(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
