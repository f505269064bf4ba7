"""Devices that are not there, that go, that are slow or broken, and that come back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace

from testbed.bench.device import Device
from testbed.bench.wires import parse_wire
from testbed.clock import NS
from testbed.links import Direction
from testbed.signals import Quality

from .parts import Parts, Wires
from .rig import DriverLog, emulate, eventually, run_driver


class LossContract(Parts):
    """What is not there is told once, with its reason, and mends itself."""

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
                await self.offline(log)
                assert self.all_bad(emulated["dut"].device, log)
                self._bad_within_a_period(emulated["dut"].device, log)

                await self.replug(emulated)
                await eventually(lambda: log.of(self.readable)[-1].quality is Quality.GOOD, "recovery", 20)
                assert log.good(self.readable)[-1].value == self.of_value(self.value)
                changes = [kind for kind in log.kinds() if kind in ("online", "offline")]
                assert changes == ["online", "offline", "online"]

    async def test_on_a_broken_wire_it_lives_and_afterwards_nothing_old_is_heard(self) -> None:
        """Garbage, half a frame and then the cut; a device that hangs and later says what it had to."""
        async with emulate(self.device()) as emulated:
            store, wires = emulated["dut"].store, Wires()
            store.set(self.readable, self.value)
            async with run_driver(emulated["dut"].device, wire=wires) as log:
                (wire,) = wires
                await eventually(lambda: log.good(self.readable), "a first sample", self.within)
                for fault, seconds in (("corrupt", 0.1), ("truncate", 0.1), ("disconnect", 0.02)):
                    wire.begin(fault, {"share": 1.0}, random.Random(1))
                    await asyncio.sleep(seconds)  # broken for as long: nothing is waited for
                await self.offline(log)
                for fault in ("corrupt", "truncate", "disconnect"):
                    wire.end(fault)
                await self.hears(log, self.value)
                wire.begin("stall", {}, random.Random(1))
                await asyncio.sleep(0.1)
                store.set(self.readable, self.other)
                wire.end("stall")
                await self.hears(log, self.other)
                heard = len(log.good(self.readable))
                await eventually(lambda: len(log.good(self.readable)) > heard, "another sample", self.within)
                assert all(s.value == self.of_value(self.other) for s in log.good(self.readable)[heard:])

    async def test_a_slow_device_is_waited_for(self) -> None:
        wires = Wires(("delay", {"by": self.slow, "towards": "controller"}))
        async with emulate(self.device()) as emulated:
            emulated["dut"].store.set(self.readable, self.value)
            async with run_driver(emulated["dut"].device, wire=wires) as log:
                await self.hears(log, self.value)
                assert "offline" not in log.kinds()

    async def test_unplugged_in_the_middle_of_a_read_every_signal_is_bad_at_once(self) -> None:
        async with emulate(self.device()) as emulated:
            device, wires = emulated["dut"].device, Wires()
            async with run_driver(device, wire=wires) as log:
                wires[0].begin("stall", {"towards": "controller"}, random.Random(1))
                sent = self._sent(log)
                with contextlib.suppress(AssertionError):  # a device that speaks unasked is asked nothing
                    await eventually(lambda: self._sent(log) > sent, "a request", 0.2)
                wires[0].begin("disconnect", {}, random.Random(1))
                await self.offline(log)
                assert self.all_bad(device, log)
                self._bad_within_a_period(device, log)

    def _sent(self, log: DriverLog) -> int:
        return sum(direction is Direction.TX for _, direction, _ in log.frames)

    def _bad_within_a_period(self, device: Device, log: DriverLog) -> None:
        """Each signal is told to be bad no later than its next sample was due after the loss of the link."""
        lost = [time_ns for time_ns, direction, _ in log.recorded if direction is Direction.LOST]
        for name in self.measured(device) if lost else []:
            first = next(each for each in log.of(name, Quality.BAD) if each.time_ns >= lost[0])
            assert first.time_ns - lost[0] <= (device.signals[name].period_ns or NS), name
