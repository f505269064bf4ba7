"""A loop runs on the arrival of its sample, on nothing but good ones, and never ahead of its actuator."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from hil_tests.support import emulate, eventually, make_device
from testbed.control.loop import OVERRUN
from testbed.drivers import LinkState
from testbed.signals import Outcome, Quality

from .board import Board, board
from .rig import Control, control

FAN = make_device("cobs/fan-driver", "serial:///dev/ttyACM0?baud=115200", "fan")


@contextlib.asynccontextmanager
async def one_board() -> AsyncIterator[tuple[Board, Control]]:
    """A board in the hands of the test, online."""
    with board("fan") as fan:
        async with control(fan.device, wait_online=False) as rig:
            await online(rig, fan)
            yield fan, rig


async def online(rig: Control, *boards: Board) -> None:
    for each in boards:
        driver = rig.drivers[each.device.name]
        await eventually(lambda e=each, d=driver: d.state is LinkState.ONLINE or e.say(0.0), "online")


async def heard(rig: Control, fan: Board, speed: float) -> None:
    """Let the board say something and wait until it was published."""
    path = f"{fan.device.name}.speed"
    before = len(rig.of(path))
    fan.say(speed)
    await eventually(lambda: len(rig.of(path)) > before, "the sample")


async def test_a_loop_takes_every_fifth_sample_of_a_source_five_times_as_fast():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        _, log = rig.loop("fan.speed", "fan.pwm", rate=20)
        await eventually(lambda: len(log.cycles) >= 15, "15 cycles")
        first, last = log.cycles[0], log.cycles[14]
        between = [s for s in rig.of("fan.speed") if first[0] <= s.time_ns <= last[0]]
        # A machine that stalls loses samples as well as cycles, but never gains cycles.
        assert len(between) / 14 > 4.5
        assert (last[0] - first[0]) / 14 > 0.9 * 50e6


async def test_each_cycle_records_lateness_age_write_and_acknowledgement_in_that_order():
    async with emulate(FAN) as emulated, control(emulated["fan"].device) as rig:
        _, log = rig.loop("fan.speed", "fan.pwm", rate=100, kp=0.001)
        await eventually(lambda: len(log.cycles) >= 10, "10 cycles")
        assert log.cycles[0][1] == 0  # nothing was due before the first
        for time_ns, lateness, age, written, acknowledged, flags in log.cycles:
            if flags & OVERRUN:
                continue
            assert lateness >= 0
            assert 0 <= age <= written <= acknowledged
            cause = next(c for c in rig.commands if c.cause_ns == time_ns - age)
            assert cause.requester == "loop loop"
            assert acknowledged == cause.done_ns - cause.cause_ns


async def test_the_command_is_on_its_way_in_the_turn_that_brought_the_sample():
    async with one_board() as (fan, rig):
        rig.loop("fan.speed", "fan.pwm", rate=100)
        seen: list[int] = []
        number = rig.signal("fan.speed").id
        rig.hub.subscribe(number, 4, lambda sample: seen.append(len(rig.sent)))
        await heard(rig, fan, 3.0)
        assert seen == [1]
        await eventually(lambda: fan.heard == [7.0], "kp times (10 - 3)")


async def test_while_the_actuator_has_not_answered_a_cycle_is_an_overrun_and_sends_nothing():
    async with one_board() as (fan, rig):
        _, log = rig.loop("fan.speed", "fan.pwm", rate=1000)
        fan.mute = True
        for _ in range(3):
            await heard(rig, fan, 1.0)
        assert [cycle[3:] for cycle in log.cycles] == [(-1, -1, OVERRUN)] * 2
        assert len(rig.sent) == 1
        await eventually(lambda: fan.heard, "the first command")
        fan.mute = False
        fan.answer()
        await eventually(lambda: len(log.cycles) == 3, "the first cycle is done")
        assert log.cycles[2][5] == 0
        await heard(rig, fan, 2.0)
        await eventually(lambda: fan.heard == [9.0, 8.0], "the loop goes on")


async def test_the_integral_counts_the_time_of_the_overruns_before_it():
    async with one_board() as (fan, rig):
        _, log = rig.loop("fan.speed", "fan.pwm", rate=1000, ki=0.5)
        await heard(rig, fan, 1.0)
        await eventually(lambda: len(log.cycles) == 1, "the first cycle is done")
        fan.mute = True
        for _ in range(4):  # the first of them waits for its answer, the others are overruns
            await heard(rig, fan, 1.0)
        fan.mute = False
        fan.answer()
        await heard(rig, fan, 1.0)
        await eventually(lambda: [cycle[5] for cycle in log.cycles].count(0) == 3, "a cycle after them")
        causes = [command.cause_ns for command in rig.commands]
        assert log.terms[-1].i == pytest.approx(0.5 * 9.0 * ((causes[-1] - causes[0]) / 1e9 + 0.001))


async def test_a_cycle_whose_command_failed_has_no_acknowledgement():
    async with one_board() as (fan, rig):
        _, log = rig.loop("fan.speed", "fan.pwm", rate=1000)
        fan.mute = True
        await heard(rig, fan, 1.0)
        await eventually(lambda: log.cycles, "the command is given up")
        assert log.cycles[0][3] >= 0
        assert log.cycles[0][4] == -1
        assert rig.commands[0].outcome is Outcome.FAILED


async def test_a_bad_sample_is_never_acted_on():
    async with one_board() as (fan, rig):
        _, log = rig.loop("fan.speed", "fan.pwm", rate=1000)
        fan.garble()
        await eventually(lambda: rig.of("fan.speed")[-1].quality is Quality.BAD, "the bad sample")
        assert rig.sent == []
        assert log.cycles == []
        await heard(rig, fan, 4.0)
        await eventually(lambda: fan.heard == [6.0], "the good one is acted on")


async def test_a_stale_sample_takes_the_actuator_to_its_safe_value_once_and_a_fresh_one_gives_it_back():
    async with one_board() as (fan, rig):
        rig.loop("fan.speed", "fan.pwm", rate=1000, stale_after=0.5)
        await heard(rig, fan, 1.0)
        await eventually(lambda: fan.heard[:2] == [9.0, 5.0], "the safe value")
        assert rig.kinds().count("stale") == 1
        stale = next(event for event in rig.events if event.kind == "stale")
        assert "no good sample of fan.speed for 0." in stale.text
        assert "fan.pwm goes to its safe value" in stale.text
        await heard(rig, fan, 2.0)
        await eventually(lambda: fan.heard[:3] == [9.0, 5.0, 8.0], "the loop acts again")
        assert rig.kinds().count("resumed") == 1


async def test_a_safe_value_that_is_not_acknowledged_is_commanded_until_it_is():
    async with one_board() as (fan, rig):
        rig.loop("fan.speed", "fan.pwm", rate=1000, stale_after=0.2)
        fan.mute = True
        await eventually(lambda: fan.garble() or fan.heard.count(5.0) >= 2, "the safe value again")
        fan.mute = False
        taken = len(rig.commands)
        await eventually(
            lambda: (
                fan.garble()
                or any(command.outcome is Outcome.ACKNOWLEDGED for command in rig.commands[taken:])
            ),
            "the safe value acknowledged",
        )
        said = len(fan.heard)
        await rig.clock.sleep(0.5)
        assert set(fan.heard) == {5.0}
        assert len(fan.heard) == said  # once taken, it is not repeated
        assert rig.kinds().count("stale") == 1


async def test_bad_samples_do_not_keep_a_loop_from_going_stale():
    async with one_board() as (fan, rig):
        rig.loop("fan.speed", "fan.pwm", rate=1000, stale_after=0.5)
        await eventually(lambda: fan.garble() or 5.0 in fan.heard, "the safe value")
        assert set(fan.heard) == {5.0}


async def test_a_stopped_loop_neither_acts_nor_goes_stale():
    async with one_board() as (fan, rig):
        runner, log = rig.loop("fan.speed", "fan.pwm", rate=1000, stale_after=0.1)
        runner.stop()
        await heard(rig, fan, 1.0)
        await rig.clock.sleep(0.3)
        assert (rig.sent, log.cycles) == ([], [])
        assert "stale" not in rig.kinds()


async def test_a_loop_rests_while_its_actuator_is_away_and_starts_afresh_when_it_is_back():
    with board("probe") as probe, board("fan") as fan:
        async with control(probe.device, fan.device, wait_online=False) as rig:
            await online(rig, probe)
            _, log = rig.loop("probe.speed", "fan.pwm", rate=1000)
            for _ in range(3):
                await heard(rig, probe, 1.0)
            assert (rig.commands, log.cycles) == ([], [])
            await online(rig, fan)
            await heard(rig, probe, 4.0)
            await eventually(lambda: fan.heard == [6.0], "the loop acts")
            assert log.cycles[0][1] == 0  # its first cycle: none was late while it rested
            fan.port.unplug()
            await eventually(lambda: "offline" in rig.kinds(), "the loss is noticed")
            given = len(rig.commands)
            await heard(rig, probe, 1.0)
            assert len(rig.commands) == given
            assert "failed" not in rig.kinds()
