"""The way of a command: what is refused never reaches the wire, what is allowed is told and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hil_tests.support import emulate, eventually, make_device
from testbed.control import Commander
from testbed.drivers import LinkState
from testbed.signals import Command, Outcome, Priority, Quality, Verdict
from testbed.twin.guard import Guard

from .board import board
from .rig import Control, control

FAN = make_device("cobs/fan-driver", "serial:///dev/ttyACM0?baud=115200", "fan")

Give = Callable[[Control], Command]


def pwm(value: float) -> Give:
    return lambda rig: rig.commander.command(rig.signal("fan.pwm"), value, "test")


def read_only(rig: Control) -> Command:
    return rig.commander.command(rig.signal("fan.speed"), 1.0, "test")


def too_fast(rig: Control) -> Command:
    pwm(30)(rig)
    rig.sent.clear()
    rig.commands.clear()
    rig.samples.clear()
    return pwm(100)(rig)


def too_late(rig: Control) -> Command:
    now = rig.clock.now()
    command = Command(rig.signal("fan.pwm").id, 30.0, "test", now - 2 * 10**9, now - 10**9)
    rig.commander.give(command)
    return command


@pytest.mark.parametrize(
    ("give", "reason"),
    [
        (pwm(100.5), "fan.pwm: 100.5 is outside its limits 0 to 100 %"),
        (pwm(-1), "fan.pwm: -1 is outside its limits 0 to 100 %"),
        (pwm(math.nan), "fan.pwm: nan is no value"),
        (pwm(math.inf), "fan.pwm: inf is no value"),
        (read_only, "fan.speed cannot be written"),
        (too_fast, "is faster than its slew of 1000 %/s"),
        (too_late, "s past its deadline"),
    ],
    ids=["above", "below", "nan", "inf", "read-only", "slew", "late"],
)  # fmt: skip
async def test_a_refused_command_says_why_is_recorded_and_never_reaches_the_wire(give, reason):
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        command = give(rig)
        assert (command.verdict, command.outcome) == (Verdict.REFUSED, Outcome.REFUSED)
        assert reason in command.reason
        assert command.done_ns >= command.time_ns
        assert rig.commands == [command]
        assert rig.sent == []
        assert [sample for sample in rig.samples if rig.signals[sample.signal].writable] == []
        told = [event.text for event in rig.events if event.kind == "refused"]
        assert len(told) == 1
        assert reason in told[0]
        assert told[0].startswith("test: fan.")


async def test_the_same_refusal_is_told_once_a_second_and_recorded_each_time():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        for _ in range(5):
            pwm(200)(rig)
        assert len(rig.commands) == 5
        assert rig.kinds().count("refused") == 1
        await eventually(lambda: pwm(200)(rig) and rig.kinds().count("refused") == 2, "told again")
        first, second = (event.time_ns for event in rig.events if event.kind == "refused")
        assert second - first >= 10**9


async def test_an_allowed_command_is_a_sample_at_once_and_settled_when_the_device_acknowledges():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        settled: list[Command] = []
        command = rig.commander.command(rig.signal("fan.pwm"), 42.0, "test", on_done=settled.append)
        assert (command.verdict, command.outcome) == (Verdict.ALLOWED, Outcome.PENDING)
        sample = rig.of("fan.pwm")[-1]
        assert (sample.value, sample.quality) == (42.0, Quality.GOOD)
        assert rig.commands == []  # recorded once, with its outcome
        assert len(rig.sent) == 1
        await eventually(lambda: settled, "the outcome")
        assert rig.commands == settled == [command]
        assert command.outcome is Outcome.ACKNOWLEDGED
        assert command.time_ns <= command.sent_ns <= command.done_ns
        assert emulated["fan"].store.read("pwm") == 42.0


async def test_ask_waits_for_the_outcome_whatever_it_is():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        actuator = rig.signal("fan.pwm")
        done = await rig.commander.ask(actuator, 30.0, "test")
        assert done.outcome is Outcome.ACKNOWLEDGED
        refused = await rig.commander.ask(actuator, 300.0, "test")
        assert refused.outcome is Outcome.REFUSED


async def test_a_safe_write_is_never_too_fast():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        actuator = rig.signal("fan.pwm")
        assert (await rig.commander.ask(actuator, 95.0, "test")).outcome is Outcome.ACKNOWLEDGED
        done = await rig.commander.ask(actuator, 0.0, "test", Priority.SAFE)
        assert done.outcome is Outcome.ACKNOWLEDGED


async def test_a_command_to_a_device_that_is_not_there_fails_at_once_and_is_no_sample():
    async with control(FAN, wait_online=False) as rig:
        assert not rig.commander.reachable(rig.signal("fan.pwm"))
        command = pwm(30)(rig)
        assert command.outcome is Outcome.FAILED
        assert command.reason.startswith("fan is ")
        assert rig.of("fan.pwm") == []
        assert rig.commands == [command]
        assert rig.kinds().count("failed") == 1


async def test_an_unanswered_command_fails_in_the_time_of_its_wire():
    with board("fan") as fan:
        async with control(fan.device, wait_online=False) as rig:
            driver = rig.drivers["fan"]
            await eventually(lambda: driver.state is LinkState.ONLINE or fan.say(1.0), "online")
            fan.mute = True
            command = await rig.commander.ask(rig.signal("fan.pwm"), 50.0, "test")
            assert command.outcome is Outcome.FAILED
            assert "no answer within 0.25 s" in command.reason
            assert fan.heard == [50.0]


async def test_a_signal_whose_device_takes_no_part_is_refused_with_that_reason():
    async with control(FAN, wait_online=False) as rig:
        alone = Commander(
            rig.signals,
            rig.clock,
            Guard(rig.signals).judge,
            rig.samples.append,
            rig.commands.append,
            rig.events.append,
        )
        command = await alone.ask(rig.signal("fan.pwm"), 30.0, "test")
        assert command.outcome is Outcome.REFUSED
        assert command.reason == "fan.pwm belongs to no device that takes part in this run"
        assert not alone.reachable(rig.signal("fan.pwm"))
