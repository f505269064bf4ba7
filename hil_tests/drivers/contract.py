"""What every driver must do, whatever its wire.

To inherit it, name the parts of one device in a test class:

    class TestMyDriver(CommandContract):              # or DriverContract: a device without commands
        profile = "modbus/thermal-chamber"        # shipped by name, or a Profile object
        wire = "modbus+tcp://127.0.0.1:0?unit=1"  # what the bench file would say; the emulator replaces it
        readable, value = "temperature", 42.5     # a signal that the device reports, and a value for it
        writable, wanted = "heater_duty", 37.5    # a signal that takes commands, and a value
        absent = "modbus+tcp://127.0.0.1:1"       # a wire at which nothing answers

Override the hooks `absent_wire`, `unplug` and `replug` where the defaults do not fit the wire, and the
numbers where it is slow. The defaults pull the plug that the emulator entered in its context.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Coroutine, Generator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import pytest

from hil_tests.support import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from testbed.bench.device import Device
from testbed.bench.profile import Profile
from testbed.bench.wires import parse_wire
from testbed.clock import Clock, SystemClock
from testbed.drivers import LinkState, driver_class
from testbed.errors import TestbedError
from testbed.links.faulty import FaultyWire
from testbed.signals import Access, Outcome, Quality

_EMULATORS = "/testbed/emulators/"


def _made(wires: list[FaultyWire], clock: Clock) -> FaultyWire:
    wires.append(FaultyWire(clock, "dut"))
    return wires[-1]


class CancelledAt:
    """Runs a coroutine in a task that is cancelled as it waits for the `number`-th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], number: int) -> None:
        self._coroutine = coroutine
        self._left = number
        self.asked = False
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run it to its end."""
        await self

    def __await__(self) -> Generator[Any, Any, None]:
        """Hand on all that it waits for, and count."""
        try:
            waited = self._coroutine.send(None)
            while True:
                self._left -= 1
                if self._left == 0 and self.task is not None:
                    self.asked = True
                    asyncio.get_running_loop().call_soon(self.task.cancel)
                try:
                    answer = yield waited
                except BaseException as error:
                    waited = self._coroutine.throw(error)
                else:
                    waited = self._coroutine.send(answer)
        except StopIteration:
            return


class DriverContract:
    """The suite; see the module's docstring on how to inherit it."""

    profile: ClassVar[str | Profile]
    wire: ClassVar[str]
    readable: ClassVar[str]
    value: ClassVar[float]
    absent: ClassVar[str]

    @property
    def other(self) -> float:
        """Another value of the readable signal."""
        return self.value + 1

    tolerance: ClassVar[float] = 1e-6
    """How far a value may be off after the wire, relative to itself."""

    within: ClassVar[float] = 10.0
    """Seconds that one step (coming online, a sample, an acknowledgement) may take on this wire."""

    # Hooks --------------------------------------------------------------------------------------

    def absent_wire(self, emulated: Emulated) -> str:
        """Return a wire at which nothing answers, beside the emulated device."""
        return self.absent

    async def unplug(self, emulated: Emulated) -> None:
        """Cut the device off; must not wait for the driver to notice."""
        emulated.plugs["dut"].unplug()

    async def replug(self, emulated: Emulated) -> None:
        """Make the device reachable again."""
        emulated.plugs["dut"].plug()

    def device(self) -> Device:
        """Return the device under test as the bench file would declare it."""
        return make_device(self.profile, self.wire)

    def of_value(self, value: float) -> object:
        """Return what a value that went over the wire is compared with."""
        return pytest.approx(value, rel=self.tolerance)

    # Samples ------------------------------------------------------------------------------------

    async def test_given_a_device_then_good_samples_carry_what_the_device_holds(self) -> None:
        async with emulate(self.device()) as emulated:
            emulated["dut"].store.set(self.readable, self.value)
            async with run_driver(emulated["dut"].device) as log:
                await eventually(
                    lambda: [s for s in log.good(self.readable) if s.value == self.of_value(self.value)],
                    f"a good sample of {self.value}",
                    self.within,
                )
                assert log.kinds().count("online") == 1
                assert "offline" not in log.kinds()

    async def test_sample_times_never_lie_in_the_future_and_rise_for_each_signal(self) -> None:
        async with emulate(self.device()) as emulated, run_driver(emulated["dut"].device) as log:
            started_ns = log.clock.now()
            await eventually(lambda: len(log.good(self.readable)) >= 3, "three samples", self.within * 3)
            now_ns = log.clock.now()
            for name in emulated["dut"].device.signals:
                times = [sample.time_ns for sample in log.good(name)]
                assert times == sorted(set(times)), f"the times of {name} must rise"
                assert all(time_ns <= now_ns for time_ns in times)
            assert log.good(self.readable)[-1].time_ns >= started_ns

    # Commands -----------------------------------------------------------------------------------

    async def test_given_no_connection_then_a_command_fails_at_once_with_the_reason(self) -> None:
        async with emulate(self.device()) as emulated:
            absent = replace(emulated["dut"].device, wire=parse_wire(self.absent_wire(emulated)))
            async with run_driver(absent, wait_online=False) as log:
                command = log.command(self.readable, 0.0)
                assert command.outcome is Outcome.FAILED
                assert "dut" in command.reason

    # Absence and loss -----------------------------------------------------------------------------

    async def test_given_no_device_then_the_driver_keeps_trying_and_complains_once(self) -> None:
        async with emulate(self.device()) as emulated:
            absent = replace(emulated["dut"].device, wire=parse_wire(self.absent_wire(emulated)))
            async with run_driver(absent, wait_online=False) as log:
                await eventually(
                    lambda: len(log.of(self.readable, Quality.BAD)) >= 2, "two attempts", self.within * 2
                )
                assert log.kinds() == ["offline"]
                assert "dut" in log.events[0].text
                assert all(sample.reason.strip() for sample in log.of(self.readable))

    async def test_when_unplugged_every_signal_turns_bad_and_when_replugged_it_recovers(self) -> None:
        async with emulate(self.device()) as emulated:
            emulated["dut"].store.set(self.readable, self.value)
            async with run_driver(emulated["dut"].device) as log:
                await eventually(lambda: log.good(self.readable), "a first sample", self.within)
                await self.unplug(emulated)
                await self._offline(log)
                for name, signal in emulated["dut"].device.signals.items():
                    if signal.access is not Access.WRITE:
                        last = log.of(name)[-1]
                        assert last.quality is Quality.BAD
                        assert math.isnan(last.value)
                        assert last.reason.strip()

                await self.replug(emulated)
                await eventually(lambda: log.of(self.readable)[-1].quality is Quality.GOOD, "recovery", 20)
                assert log.good(self.readable)[-1].value == self.of_value(self.value)
                changes = [kind for kind in log.kinds() if kind in ("online", "offline")]
                assert changes == ["online", "offline", "online"]

    async def test_on_a_broken_wire_it_lives_and_afterwards_nothing_old_is_heard(self) -> None:
        """Garbage, half a frame and then the cut; a device that hangs and later says what it had to."""
        async with emulate(self.device()) as emulated:
            store, wires = emulated["dut"].store, list[FaultyWire]()
            store.set(self.readable, self.value)
            async with run_driver(emulated["dut"].device, wire=partial(_made, wires)) as log:
                (wire,) = wires
                await eventually(lambda: log.good(self.readable), "a first sample", self.within)
                for fault, seconds in (("corrupt", 0.3), ("truncate", 0.3), ("disconnect", 0.02)):
                    wire.begin(fault, {"share": 1.0}, random.Random(1))
                    await asyncio.sleep(seconds)  # broken for as long: nothing is waited for
                await self._offline(log)
                for fault in ("corrupt", "truncate", "disconnect"):
                    wire.end(fault)
                await self._hears(log, self.value)
                wire.begin("stall", {}, random.Random(1))
                await asyncio.sleep(0.3)
                store.set(self.readable, self.other)
                wire.end("stall")
                await self._hears(log, self.other)
                heard = len(log.good(self.readable))
                await eventually(lambda: len(log.good(self.readable)) > heard, "another sample", self.within)
                assert all(s.value == self.of_value(self.other) for s in log.good(self.readable)[heard:])

    async def _hears(self, log: DriverLog, value: float) -> None:
        def heard() -> bool:
            last = log.of(self.readable)[-1]
            return last.quality is Quality.GOOD and last.value == self.of_value(value)

        await eventually(heard, f"{value} is heard", 2 * self.within)

    async def _offline(self, log: DriverLog) -> None:
        await eventually(lambda: "offline" in log.kinds(), "the loss noticed", self.within)

    # The end ------------------------------------------------------------------------------------

    async def test_cancelled_at_every_await_it_ends_closed_and_leaves_no_task(self) -> None:
        async with emulate(self.device()) as emulated:
            device = emulated["dut"].device
            async with run_driver(device):  # what an emulator starts for its first visitor is not ours
                pass
            before = asyncio.all_tasks()
            number, reached = 1, False
            while not reached:
                reached = await self._cancelled_at(device, number, before)
                number += 1
            async with run_driver(device) as log:
                driver = log.driver
            assert driver is not None
            assert driver.state is LinkState.CLOSED
            await self._no_task_beyond(before)

    async def _cancelled_at(self, device: Device, number: int, before: set[asyncio.Task[object]]) -> bool:
        """Cancel a starting driver at its await of that number; True if it never has so many, but serves."""
        clock = SystemClock()
        log = DriverLog(clock)
        driver = log.driver = driver_class(device.profile.protocol)(device, log.context())
        counted = CancelledAt(driver.run(), number)
        task = counted.task = asyncio.create_task(counted.run())
        await eventually(
            lambda: task.done() or log.good(self.readable), f"await {number} or a sample", self.within
        )
        serving = not counted.asked
        task.cancel()
        await asyncio.wait([task], timeout=self.within)
        assert task.cancelled(), f"cancelled at await {number}"
        assert driver.state is LinkState.CLOSED
        await self._no_task_beyond(before)
        clock.close()
        return serving

    async def _no_task_beyond(self, before: set[asyncio.Task[object]]) -> None:
        # A turn or two is fair: a task that was told to end may still be unwinding.
        await eventually(lambda: not self._left_over(before), "no task left over", 2.0)

    def _left_over(self, before: set[asyncio.Task[object]]) -> list[asyncio.Task[object]]:
        """Return the tasks that the driver has left; those that the emulated device works in are its own."""
        codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() - before}
        return [task for task, code in codes.items() if code is None or _EMULATORS not in code.co_filename]

    # Refusal ------------------------------------------------------------------------------------

    def test_given_a_wire_that_it_does_not_speak_then_it_says_which_it_speaks(self) -> None:
        foreign = make_device(self.profile, "gopher://nowhere:70")
        driver = driver_class(foreign.profile.protocol)
        with pytest.raises(TestbedError, match="gopher://nowhere:70") as caught:
            driver(foreign, DriverLog(None).context())  # type: ignore[arg-type]  # no time passes here
        assert all(f"{scheme}://" in str(caught.value) for scheme in driver.schemes)


class CommandContract(DriverContract):
    """The suite of a device that takes commands too."""

    writable: ClassVar[str]
    wanted: ClassVar[float]

    async def test_given_a_command_then_it_reaches_the_device_and_is_acknowledged(self) -> None:
        async with emulate(self.device()) as emulated, run_driver(emulated["dut"].device) as log:
            written: list[tuple[str, float]] = []
            emulated["dut"].store.watch(lambda name, value: written.append((name, value)))
            command = log.command(self.writable, self.wanted)
            await eventually(lambda: not command.pending, "the command's outcome", self.within)
            assert (command.outcome, command.reason) == (Outcome.ACKNOWLEDGED, "")
            assert command.time_ns <= command.sent_ns <= command.done_ns <= log.clock.now()
            assert written == [(self.writable, self.of_value(self.wanted))]

    async def test_no_old_command_reaches_a_device_that_comes_back(self) -> None:
        async with emulate(self.device()) as emulated:
            store, wires = emulated["dut"].store, list[FaultyWire]()
            async with run_driver(emulated["dut"].device, wire=partial(_made, wires)) as log:
                (wire,) = wires
                written: list[tuple[str, float]] = []
                wire.begin("stall", {}, random.Random(1))
                held = log.command(self.writable, self.wanted)
                wire.begin("disconnect", {}, random.Random(1))
                await self._offline(log)
                assert not held.pending
                store.watch(lambda name, value: written.append((name, value)))
                assert log.command(self.writable, self.wanted).outcome is Outcome.FAILED
                wire.end("stall")
                wire.end("disconnect")
                await eventually(lambda: log.kinds().count("online") == 2, "it is back", 2 * self.within)
                heard = len(log.good(self.readable))
                await eventually(lambda: len(log.good(self.readable)) > heard, "a sample", self.within)
                assert written == []

    async def test_given_a_pending_command_when_unplugged_then_it_is_settled_with_the_loss(self) -> None:
        async with emulate(self.device()) as emulated, run_driver(emulated["dut"].device) as log:
            command = log.command(self.writable, self.wanted)
            await self.unplug(emulated)
            await self._offline(log)
            assert not command.pending
            # A device that was quicker than the cut has acknowledged it; nothing else is allowed.
            assert command.outcome is Outcome.ACKNOWLEDGED or command.reason
