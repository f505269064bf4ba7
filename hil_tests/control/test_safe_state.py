"""Whatever happened before, each actuator ends at its safe value or is named as one that may not be there."""

from __future__ import annotations

from hil_tests.support import emulate, eventually, make_device
from testbed.drivers import LinkState
from testbed.signals import Level, Outcome, Priority

from .board import board
from .rig import Control, control

WIRE = "serial:///dev/ttyACM0?baud=115200"
LEFT, RIGHT = (make_device("cobs/fan-driver", WIRE, name) for name in ("left", "right"))


async def drive(rig: Control, path: str, value: float) -> None:
    command = await rig.commander.ask(rig.signal(path), value, "test")
    assert command.outcome is Outcome.ACKNOWLEDGED


async def test_every_actuator_is_brought_to_its_safe_value_and_its_device_released():
    async with emulate(LEFT, RIGHT) as emulated, control(*(each.device for each in emulated.values())) as rig:
        await drive(rig, "left.pwm", 80.0)
        await drive(rig, "right.pwm", 90.0)
        released: list[str] = []
        assert await rig.safe_state.reach("the end", released.append) == []
        assert [emulated[name].store.read("pwm") for name in ("left", "right")] == [30.0, 30.0]
        assert sorted(released) == ["left", "right"]
        safe = [command for command in rig.commands if command.requester == "the end"]
        assert [(c.priority, c.outcome) for c in safe] == [(Priority.SAFE, Outcome.ACKNOWLEDGED)] * 2
        assert "unsafe" not in rig.kinds()


async def test_one_that_cannot_be_reached_is_named_and_keeps_no_other_waiting():
    async with emulate(LEFT, RIGHT) as emulated, control(*(each.device for each in emulated.values())) as rig:
        await drive(rig, "left.pwm", 80.0)
        emulated.plugs["right"].unplug()
        await eventually(lambda: "offline" in rig.kinds(), "the loss is noticed")
        released: list[str] = []
        missed = await rig.safe_state.reach("the end", released.append)
        assert missed == [rig.signal("right.pwm")]
        assert released == ["left", "right"]
        assert emulated["left"].store.read("pwm") == 30.0
        unsafe = [event for event in rig.events if event.kind == "unsafe"]
        assert [(event.level, event.source) for event in unsafe] == [(Level.ERROR, "right.pwm")]
        assert unsafe[0].text == "right.pwm could not be brought to its safe value 30 %"


async def test_one_that_comes_back_in_time_is_brought_to_safety_after_all():
    async with emulate(LEFT) as emulated, control(emulated["left"].device) as rig:
        await drive(rig, "left.pwm", 80.0)
        emulated.plugs["left"].unplug()
        await eventually(lambda: "offline" in rig.kinds(), "the loss is noticed")
        emulated.plugs["left"].plug()
        assert await rig.safe_state.reach("the end", lambda name: None) == []
        assert emulated["left"].store.read("pwm") == 30.0


async def test_one_that_does_not_answer_is_tried_again():
    with board("fan") as fan:
        async with control(fan.device, wait_online=False) as rig:
            await eventually(lambda: rig.drivers["fan"].state is LinkState.ONLINE or fan.say(0.0), "online")
            fan.mute = True
            released: list[str] = []

            def hear(name: str) -> None:
                released.append(name)

            rig.clock.at(rig.clock.now() + 400_000_000, lambda: setattr(fan, "mute", False))
            assert await rig.safe_state.reach("the end", hear) == []
            assert len(fan.heard) > 1
            assert set(fan.heard) == {5.0}
            assert released == ["fan"]


async def test_a_device_that_was_never_reached_was_never_moved_and_is_released_at_once():
    async with control(LEFT, wait_online=False) as rig:
        released: list[str] = []
        assert await rig.safe_state.reach("the end", released.append) == []
        assert released == ["left"]
        assert rig.commands == []


async def test_one_signal_can_be_driven_alone_ahead_of_all_that_waits():
    async with emulate(LEFT) as emulated, control(emulated["left"].device) as rig:
        await drive(rig, "left.pwm", 95.0)
        command = rig.safe_state.drive(rig.signal("left.pwm"), "a test")
        assert (command.priority, command.value) == (Priority.SAFE, 30.0)
        await eventually(lambda: not command.pending, "the outcome")
        assert command.outcome is Outcome.ACKNOWLEDGED
