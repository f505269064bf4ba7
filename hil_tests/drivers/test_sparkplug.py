"""Sparkplug devices keep the contract of all drivers, and what the specification adds to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hil_tests.support import DriverLog, Emulated, eventually, make_device, run_driver
from testbed.bench.device import Device
from testbed.bench.wires import Wire
from testbed.clock import SystemClock
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.broker import open_broker
from testbed.emulators.places import SystemPlaces
from testbed.emulators.sparkplug import BROKER_PLUG, EdgeNode
from testbed.links import Direction
from testbed.links.messages import decode_message
from testbed.protocols.sparkplug import EdgeAddress
from testbed.signals import Outcome, Quality
from testbed.testing.contract import CommandContract

needs_mosquitto = pytest.mark.needs_system("mosquitto")

PRESS = "sparkplug/press"


# The embedded broker would not do: its tasks come and go in the loop whose tasks the suite counts.
@needs_mosquitto
class TestDeviceBehindANode(CommandContract):
    """The device is pulled: its node tells its death."""

    profile = "sparkplug/press"
    wire = "sparkplug+mqtt://127.0.0.1:1/plant-1/line-3/press"
    readable, value = "force", 42.5
    writable, wanted = "force_setpoint", 37.5
    absent = "sparkplug+mqtt://127.0.0.1:1/plant-1/line-3/press"


@needs_mosquitto
class TestNode(TestDeviceBehindANode):
    """The node loses its power: the broker publishes its death."""

    wire = "sparkplug+mqtt://127.0.0.1:1/plant-1/press"


@needs_mosquitto
class TestAtABrokerThatGoes(TestDeviceBehindANode):
    async def unplug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].unplug()

    async def replug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].plug()


# What the specification adds ------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def at_a_node(folder: Path, host: str = "") -> AsyncIterator[tuple[EdgeNode, Store, Device]]:
    """An edge node with one device, at a Mosquitto of its own, and the device as a driver finds it."""
    clock = SystemClock()
    async with open_broker(folder, "mosquitto") as broker:
        end = f"?host={host}" if host else ""
        device = make_device(PRESS, f"sparkplug+mqtt://127.0.0.1:{broker.port}/plant-1/line-3/press{end}")
        store = Store(device)
        context = EmulatorContext(clock, random.Random(2), SystemPlaces(folder))
        address = EdgeAddress("plant-1", "line-3")
        node = EdgeNode(address, {"press": EmulatedDevice(device, store)}, context, host)
        running = asyncio.create_task(node.run(Wire("mqtt", "127.0.0.1", broker.port), asyncio.Event()))
        try:
            yield node, store, device
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    clock.close()


@needs_mosquitto
async def test_after_a_lost_message_values_are_bad_until_births_that_it_asks_for(tmp_path: Path) -> None:
    async with at_a_node(tmp_path) as (node, store, device), run_driver(device) as log:
        store.set("force", 10.0)
        await eventually(lambda: log.good("force"), "a first sample")
        node.lose_a_message()
        await eventually(lambda: log.of("force", Quality.BAD), "the gap")
        gap = log.of("force", Quality.BAD)[0]
        assert "messages were lost" in gap.reason
        await eventually(lambda: log.of("force")[-1].quality is Quality.GOOD, "the births")
        assert log.kinds() == ["online", "messages_lost"]
        asked = [topic for topic in published(log) if topic == "spBv1.0/plant-1/NCMD/line-3"]
        assert len(asked) == 2  # with the connection, and after the gap


def published(log: DriverLog) -> list[str]:
    return [decode_message(data)[0] for _, direction, data in log.frames if direction is Direction.TX]


@needs_mosquitto
async def test_a_primary_host_says_that_it_is_there_and_its_nodes_live_and_die_with_it(
    tmp_path: Path,
) -> None:
    async with at_a_node(tmp_path, "bench") as (node, _, device):
        await asyncio.sleep(0.2)
        assert not node._born  # nobody to speak to
        async with run_driver(device):
            assert node._born
        await eventually(lambda: not node._born, "the end of it")


@needs_mosquitto
async def test_a_command_beyond_what_the_device_takes_is_not_confirmed(tmp_path: Path) -> None:
    async with at_a_node(tmp_path) as (_, store, device), run_driver(device) as log:
        refused, taken = log.command("force_setpoint", 900.0), log.command("force_setpoint", 90.0)
        await eventually(lambda: not taken.pending, "an outcome")
        assert refused.outcome is Outcome.SUPERSEDED
        assert taken.outcome is Outcome.ACKNOWLEDGED
        assert store.read("force_setpoint") == 90.0
