"""A person holds an actuator by a lease; whatever ends it, the actuator does not stay where they left it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from hil_tests.support import eventually
from testbed.control import LoopRunner, ManualControl, ManualRefused
from testbed.drivers import LinkState
from testbed.signals import Command, Outcome

from .board import Board, board
from .rig import Control, control


@contextlib.asynccontextmanager
async def hands(*, stale_after: float | None = None) -> AsyncIterator[tuple[Board, Control, ManualControl]]:
    """A board online, a loop on its actuator if `stale_after` is given, and people who may take it."""
    with board("fan") as fan:
        async with control(fan.device, wait_online=False) as rig:
            driver = rig.drivers["fan"]
            await eventually(lambda: driver.state is LinkState.ONLINE or fan.say(0.0), "online")
            loops: list[LoopRunner] = []
            if stale_after is not None:
                loops.append(rig.loop("fan.speed", "fan.pwm", rate=1000, stale_after=stale_after)[0])
            manual = ManualControl(
                {signal.path: signal for signal in rig.signals}, rig.clock, rig.commander, loops,
                rig.safe_state.drive, lambda signal: rig.of(signal.path)[-1].value, rig.events.append,
            )  # fmt: skip
            manual.start()
            yield fan, rig, manual
            manual.stop()


def ignore(command: Command) -> None:
    """Not interested in the outcome."""


async def test_a_command_by_hand_is_guarded_and_recorded_with_who_gave_it():
    async with hands() as (fan, rig, manual):
        lease = manual.take("fan.pwm", "alice", 5)
        done: list[Command] = []
        manual.give(lease.id, 40.0, done.append)
        await eventually(lambda: done, "the outcome")
        assert done[0].outcome is Outcome.ACKNOWLEDGED
        assert (rig.commands[-1].requester, rig.commands[-1].value) == ("alice by hand", 40.0)
        manual.give(lease.id, 400.0, done.append)
        assert done[1].outcome is Outcome.REFUSED
        assert "limit" in done[1].reason
        assert fan.heard == [40.0]


async def test_a_lease_that_is_not_renewed_ends_and_the_actuator_goes_safe():
    async with hands() as (fan, rig, manual):
        lease = manual.take("fan.pwm", "alice", 1)
        manual.give(lease.id, 40.0, ignore)
        await eventually(lambda: fan.heard == [40.0, 5.0], "the safe value")
        assert "nothing was heard of alice for 1 s" in rig.events[-1].text
        with pytest.raises(ManualRefused, match="has ended"):
            manual.give(lease.id, 50.0, ignore)


async def test_a_renewed_lease_goes_on():
    async with hands() as (fan, rig, manual):
        lease = manual.take("fan.pwm", "alice", 1)
        manual.give(lease.id, 40.0, ignore)
        for _ in range(8):
            await rig.clock.sleep(0.2)
            manual.renew(lease.id)
        assert fan.heard == [40.0]
        manual.release(lease.id)
        await eventually(lambda: fan.heard == [40.0, 5.0], "the safe value")


async def test_an_actuator_is_in_one_hand_only():
    async with hands() as (_, _, manual):
        manual.take("fan.pwm", "alice", 5)
        with pytest.raises(ManualRefused, match="in the hands of alice"):
            manual.take("fan.pwm", "bob", 5)


@pytest.mark.parametrize(
    ("path", "seconds", "why"),
    [("fan.speed", 5, "can be written"), ("nobody.pwm", 5, "can be written"), ("fan.pwm", 0, "1 to 60 s")],
)
async def test_what_cannot_be_lent_is_refused(path, seconds, why):
    async with hands() as (_, _, manual):
        with pytest.raises(ManualRefused, match=why):
            manual.take(path, "alice", seconds)


async def test_nothing_is_lent_once_the_run_ends():
    async with hands() as (_, _, manual):
        manual.stop()
        with pytest.raises(ManualRefused, match="come to its end"):
            manual.take("fan.pwm", "alice", 5)


async def test_a_loop_rests_while_its_actuator_is_in_hand_and_takes_it_back():
    async with hands(stale_after=60.0) as (fan, rig, manual):
        fan.say(1.0)
        await eventually(lambda: fan.heard == [9.0], "the loop acts")
        lease = manual.take("fan.pwm", "alice", 5)
        manual.give(lease.id, 40.0, ignore)
        fan.say(2.0)
        await eventually(lambda: rig.of("fan.speed")[-1].value == 2.0, "a sample meanwhile")
        assert fan.heard == [9.0, 40.0]
        manual.release(lease.id)
        fan.say(3.0)
        await eventually(lambda: fan.heard == [9.0, 40.0, 7.0], "the loop acts again")
        assert "loop loop takes fan.pwm back" in next(e for e in rig.events if e.kind == "automatic").text


async def test_a_loop_that_went_stale_meanwhile_drives_its_actuator_safe_when_it_is_given_back():
    async with hands(stale_after=0.3) as (fan, rig, manual):
        fan.say(1.0)
        lease = manual.take("fan.pwm", "alice", 5)
        await eventually(lambda: "stale" in rig.kinds(), "the loop goes stale")
        manual.give(lease.id, 40.0, ignore)
        await eventually(lambda: fan.heard and fan.heard[-1] == 40.0, "by hand all the same")
        manual.release(lease.id)
        await eventually(lambda: fan.heard[-1] == 5.0, "the safe value")


async def test_a_safe_value_that_the_device_did_not_take_is_commanded_again():
    async with hands() as (fan, rig, manual):
        lease = manual.take("fan.pwm", "alice", 5)
        manual.give(lease.id, 40.0, ignore)
        await eventually(lambda: fan.heard == [40.0], "by hand")
        fan.mute = True
        manual.release(lease.id)
        await eventually(lambda: fan.heard.count(5.0) >= 2, "the safe value again")
        fan.mute = False
        await eventually(lambda: rig.commands[-1].outcome is Outcome.ACKNOWLEDGED, "the device takes it")
