from __future__ import annotations

import pytest

from hil_tests.support import eventually
from hil_tests.support.ends import End, turns
from hil_tests.support.hand_clock import HandClock
from testbed.links import Direction, LinkLost, memory_pair
from testbed.links.memory import MemoryEnd


def joined() -> tuple[MemoryEnd, MemoryEnd, End, End]:
    """Return (controller's end, device's end, what the controller saw, what the device saw)."""
    controller, device = End(), End()
    near, far = memory_pair(HandClock(), controller.tap)
    near.received, near.lost = controller.received, controller.lost
    far.received, far.lost = device.received, device.lost
    return near, far, controller, device


async def test_bytes_arrive_in_order_in_a_turn_of_their_own() -> None:
    near, _, _, device = joined()
    near.write(b"one ")
    near.write(b"two")
    assert device.data == b"", "a write returns before its bytes arrive"
    await eventually(lambda: device.data == b"one two", "both writes")


async def test_the_tap_listens_at_the_controllers_end_both_ways() -> None:
    near, far, controller, device = joined()
    near.write(b"question")
    far.write(b"answer")
    await eventually(lambda: controller.data and device.data, "both")
    assert controller.passed(Direction.TX) == b"question"
    assert controller.passed(Direction.RX) == b"answer"
    assert len(controller.tapped) == 2


async def test_when_one_end_closes_the_other_loses_the_wire_once_and_neither_can_write() -> None:
    near, far, controller, device = joined()
    far.close()
    far.close()
    await eventually(lambda: controller.losses, "the loss")
    assert controller.losses == ["the other end closed it"]
    assert device.losses == [], "nobody is told of his own close"
    for end in (near, far):
        with pytest.raises(LinkLost, match="the wire is closed"):
            end.write(b"anyone?")


async def test_given_our_own_close_then_what_was_under_way_is_not_received() -> None:
    near, far, controller, _ = joined()
    far.write(b"too late")
    near.close()
    await turns()
    assert controller.data == b""
