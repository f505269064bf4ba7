"""The whole contract, and what it asks of drivers whose devices take commands."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import ClassVar

import pytest

from testbed.bench.wires import parse_wire
from testbed.drivers import driver_class
from testbed.errors import TestbedError
from testbed.signals import Outcome

from .ending import EndContract
from .losing import LossContract
from .parts import Wires
from .rig import DriverLog, emulate, eventually, make_device, run_driver


class DriverContract(LossContract, EndContract):
    """The contract of every driver."""

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
            before = len(log.good(self.readable))
            await eventually(
                lambda: len(log.good(self.readable)) >= before + 3, "three samples", self.within * 3
            )
            now_ns = log.clock.now()
            for name in emulated["dut"].device.signals:
                times = [sample.time_ns for sample in log.good(name)]
                assert times == sorted(set(times)), f"the times of {name} must rise"
                assert all(time_ns <= now_ns for time_ns in times)
            assert log.good(self.readable)[-1].time_ns >= started_ns

    async def test_given_no_connection_then_a_command_fails_at_once_with_the_reason(self) -> None:
        async with emulate(self.device()) as emulated:
            absent = replace(emulated["dut"].device, wire=parse_wire(self.absent_wire(emulated)))
            async with run_driver(absent, wait_online=False) as log:
                command = log.command(self.readable, 0.0)
                assert command.outcome is Outcome.FAILED
                assert "dut" in command.reason

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
            store, wires = emulated["dut"].store, Wires()
            async with run_driver(emulated["dut"].device, wire=wires) as log:
                (wire,) = wires
                written: list[tuple[str, float]] = []
                wire.begin("stall", {}, random.Random(1))
                held = log.command(self.writable, self.wanted)
                wire.begin("disconnect", {}, random.Random(1))
                await self.offline(log)
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
            await self.offline(log)
            assert not command.pending
            # A device that was quicker than the cut has acknowledged it; nothing else is allowed.
            assert command.outcome is Outcome.ACKNOWLEDGED or command.reason

    async def test_unplugged_in_the_middle_of_a_write_it_is_settled_at_once_with_the_loss(self) -> None:
        async with emulate(self.device()) as emulated:
            wires = Wires()
            async with run_driver(emulated["dut"].device, wire=wires) as log:
                wires[0].begin("stall", {"towards": "controller"}, random.Random(1))
                command = log.command(self.writable, self.wanted)
                wires[0].begin("disconnect", {}, random.Random(1))
                await self.offline(log)
                assert not command.pending
                assert command.outcome is Outcome.ACKNOWLEDGED or command.reason

    async def test_a_device_that_reboots_is_configured_again(self) -> None:
        device = replace(self.device(), configure={self.writable: self.wanted})
        async with emulate(device) as emulated:
            store = emulated["dut"].store

            def configured() -> bool:
                return bool(store.read(self.writable) == self.of_value(self.wanted))

            async with run_driver(emulated["dut"].device) as log:
                await eventually(configured, "what it is to start with", self.within)
                await self.unplug(emulated)
                await self.offline(log)
                store.restart()
                assert not configured(), "its own start is another"
                await self.replug(emulated)
                await eventually(configured, "the same again", 2 * self.within)
