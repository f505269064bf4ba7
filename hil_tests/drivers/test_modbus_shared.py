"""Several units at one wire: one link and one queue, and what happens to one is not what happens to all."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from hil_tests.support import DriverLog, eventually, make_device
from testbed.bench import parse_wire
from testbed.clock import Lane, VirtualClock, run_virtual
from testbed.drivers import LinkState, driver_class
from testbed.drivers.sharing import Shared
from testbed.emulators import EmulatedDevice, EmulatorContext, Store, emulator_of
from testbed.emulators.places import MemoryPlaces
from testbed.errors import UsageError
from testbed.links import Direction, Switchboard
from testbed.session.sharing import sharing
from testbed.signals import Outcome

TCP = "modbus+tcp://10.0.0.5:502?unit="
RTU = "modbus+rtu:///dev/ttyUSB7?baud=115200&unit="
RTU_TCP = "modbus+rtu+tcp://10.0.0.6:4001?unit="
WIRES = pytest.mark.parametrize("wire", [TCP, RTU, RTU_TCP])


class CountingBoard(Switchboard):
    """Wires in memory that count how often one was opened."""

    opened = 0

    def serial(self, *args: Any, **options: Any) -> Any:
        self.opened += 1
        return super().serial(*args, **options)

    async def tcp(self, *args: Any, **options: Any) -> Any:
        self.opened += 1
        return await super().tcp(*args, **options)


class Scene:
    """Units 1 and 2 at one wire, called one and two, and their drivers."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.board = CountingBoard()
        self.logs: dict[str, DriverLog] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.emulated: dict[str, EmulatedDevice] = {}
        self.context = EmulatorContext(Lane(clock, 0, 3), random.Random(1), MemoryPlaces(self.board))

    async def emulate(self, wire: str) -> dict[str, str]:
        for number, name in enumerate(("one", "two"), 1):
            device = make_device("modbus/thermal-chamber", f"{wire}{number}", name)
            self.emulated[name] = EmulatedDevice(device, Store(device))
        wires: dict[str, str] = {}
        serve = emulator_of("modbus")(list(self.emulated.values()), self.context, wires.__setitem__)
        self.tasks["emulator"] = asyncio.ensure_future(serve)  # type: ignore[arg-type]
        await eventually(lambda: len(wires) == 2, "both units answer")
        return wires

    async def drive(self, wires: dict[str, str]) -> None:
        devices = [replace(e.device, wire=parse_wire(wires[name])) for name, e in self.emulated.items()]
        opener, shared = sharing(self.board, devices), Shared()
        for number, device in enumerate(devices, 1):
            log = self.logs[device.name] = DriverLog(Lane(self.clock, number, 3))
            context = replace(log.context(), opener=opener, shared=shared)
            log.driver = driver_class("modbus")(device, context)
            self.tasks[device.name] = asyncio.create_task(log.driver.run())
        await eventually(lambda: self.online() == {"one", "two"}, "both online")

    def online(self) -> set[str]:
        return {n for n, log in self.logs.items() if log.driver and log.driver.state is LinkState.ONLINE}


@contextlib.asynccontextmanager
async def two_units(wire: str, clock: VirtualClock) -> AsyncIterator[Scene]:
    scene = Scene(clock)
    try:
        await scene.drive(await scene.emulate(wire))
        yield scene
    finally:
        for task in scene.tasks.values():
            task.cancel()
        await asyncio.gather(*scene.tasks.values(), return_exceptions=True)


def frames(log: DriverLog, direction: Direction) -> int:
    return sum(1 for _, way, _ in log.frames if way is direction)


@WIRES
def test_two_units_share_one_link_and_each_is_read_and_driven_for_itself(wire: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(wire, clock) as scene:
            for name, value in (("one", 21.5), ("two", 42.5)):
                scene.emulated[name].store.set("temperature", value)
            await clock.sleep(2.0)
            commands = {
                name: log.command("heater_duty", 10.0 + len(name)) for name, log in scene.logs.items()
            }
            await clock.sleep(1.0)
            assert scene.board.opened == 1
            assert scene.logs["one"].good("temperature")[-1].value == pytest.approx(21.5)
            assert scene.logs["two"].good("temperature")[-1].value == pytest.approx(42.5)
            for name, command in commands.items():
                assert command.outcome is Outcome.ACKNOWLEDGED, name
                assert scene.emulated[name].store.read("heater_duty") == pytest.approx(command.value)

    run_virtual(main)


@WIRES
def test_each_device_s_recording_holds_its_own_requests_and_answers_only(wire: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(wire, clock) as scene:
            await clock.sleep(2.0)
            at = 6 if wire is TCP else 0  # where the unit stands in a frame
            for unit, log in enumerate(scene.logs.values(), 1):
                assert frames(log, Direction.RX) > 5
                assert {data[at] for _, _, data in log.frames} == {unit}
                assert abs(frames(log, Direction.TX) - frames(log, Direction.RX)) <= 8

    run_virtual(main)


@WIRES
def test_a_silent_unit_goes_offline_alone_and_comes_back(wire: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(wire, clock) as scene:
            scene.context.plugs["two"].unplug()
            await clock.sleep(20.0)
            assert scene.online() == {"one"}
            assert scene.logs["one"].kinds() == ["online"]
            age_ns = clock.now() - scene.logs["one"].good("temperature")[-1].time_ns
            assert age_ns < 2_500_000_000, "it waits for the silent one's timeouts, and no longer"
            scene.context.plugs["two"].plug()
            await eventually(lambda: scene.online() == {"one", "two"}, "both online again", 60)
            assert scene.board.opened == 1

    run_virtual(main)


@WIRES
def test_a_command_to_one_waits_for_no_more_than_the_exchange_of_another(wire: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(wire, clock) as scene:
            scene.context.plugs["two"].unplug()
            for _ in range(20):
                await clock.sleep(0.37)
                command = scene.logs["one"].command("heater_duty", 12.0)
                await eventually(lambda command=command: not command.pending, "an outcome", 5)  # type: ignore[misc]
                assert command.outcome is Outcome.ACKNOWLEDGED
                assert command.done_ns - command.time_ns < 600_000_000, "one timeout is 0.5 s"

    run_virtual(main)


@WIRES
def test_when_the_wire_is_lost_both_lose_it_at_once_and_open_it_once_again(wire: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(wire, clock) as scene:
            scene.tasks["emulator"].cancel()
            await asyncio.gather(scene.tasks["emulator"], return_exceptions=True)
            await clock.sleep(0.01)
            assert scene.online() == set()
            before = scene.board.opened
            await scene.emulate(wire)
            await eventually(lambda: scene.online() == {"one", "two"}, "both online again", 60)
            assert [log.kinds() for log in scene.logs.values()] == [["online", "offline", "online"]] * 2
            assert scene.board.opened > before

    run_virtual(main)


def test_a_driver_that_ends_leaves_the_wire_to_the_other() -> None:
    async def main(clock: VirtualClock) -> None:
        async with two_units(TCP, clock) as scene:
            scene.tasks["two"].cancel()
            await clock.sleep(3.0)
            assert scene.online() == {"one"}
            assert clock.now() - scene.logs["one"].good("temperature")[-1].time_ns < 1_200_000_000

    run_virtual(main)


def test_two_speeds_on_one_line_are_refused_with_both_devices_named() -> None:
    slow = make_device("modbus/thermal-chamber", "modbus+rtu:///dev/ttyUSB7?unit=1&baud=9600", "slow")
    fast = make_device("modbus/thermal-chamber", "modbus+rtu:///dev/ttyUSB7?unit=2&baud=19200", "fast")
    context = replace(DriverLog(None).context(), shared=Shared())  # type: ignore[arg-type]  # no time passes
    make: Callable[..., object] = driver_class("modbus")
    make(slow, context)
    with pytest.raises(UsageError, match=r"fast and slow are on one line.*baud: 19200 and 9600"):
        make(fast, context)
