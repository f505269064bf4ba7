"""Devices with topics of their own keep the contract of all drivers, and what MQTT adds to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiomqtt
import pytest

from hil_tests.support import DriverLog, Emulated, eventually, make_device, run_driver
from testbed.bench.wires import parse_wire
from testbed.drivers.mqtt.readings import KEPT
from testbed.emulators.broker import open_broker
from testbed.emulators.mqtt import BROKER_PLUG
from testbed.signals import Outcome, Quality
from testbed.testing.contract import CommandContract, DriverContract

needs_mosquitto = pytest.mark.needs_system("mosquitto")


# The embedded broker would not do: its tasks come and go in the loop whose tasks the suite counts.
@needs_mosquitto
class TestSmartPlug(CommandContract):
    """JSON, commands confirmed by the device's state; the plug itself is pulled, and its last will speaks."""

    profile = "mqtt/smart-plug"
    wire = "mqtt://127.0.0.1:1/zigbee2mqtt/plug"
    readable, value = "power", 42.5
    writable, wanted = "switch", 1.0
    absent = "mqtt://127.0.0.1:1/zigbee2mqtt/plug"


@needs_mosquitto
class TestClimateSensor(DriverContract):
    """Values by themselves, one topic each; the broker is pulled."""

    profile = "mqtt/climate-sensor"
    wire = "mqtt://127.0.0.1:1/hall/sensor"
    readable, value = "temperature", 21.25
    absent = "mqtt://127.0.0.1:1/hall/sensor"

    async def unplug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].unplug()

    async def replug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].plug()


# A device played by hand, with a client of another make ---------------------------------------------


@dataclass
class HandPlayed:
    """A device that does only what the test tells it, and the commands that it got."""

    client: aiomqtt.Client
    commands: list[aiomqtt.Message] = field(default_factory=list)

    async def says(self, topic: str, payload: str, *, retain: bool = False) -> None:
        await self.client.publish(topic, payload, 1, retain)


@contextlib.asynccontextmanager
async def played(folder: Path, commands: str = "nothing") -> AsyncIterator[tuple[HandPlayed, str]]:
    """Play a device at Mosquitto; yields it and the wire at which a driver finds it."""
    async with (
        open_broker(folder, "mosquitto") as broker,
        aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client,
    ):
        device = HandPlayed(client)

        async def listen() -> None:
            async for message in client.messages:
                device.commands.append(message)

        await client.subscribe(commands, 2)
        task = asyncio.create_task(listen())
        try:
            yield device, f"mqtt://{broker.host}:{broker.port}/hall/dut"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def driven(profile: str, wire: str, *, online: bool = True) -> AsyncIterator[DriverLog]:
    device = make_device(profile, wire)
    async with run_driver(replace(device, wire=parse_wire(wire)), wait_online=online) as log:
        yield log


@needs_mosquitto
async def test_a_kept_value_is_uncertain_until_the_device_speaks(tmp_path: Path) -> None:
    profile = "mqtt/climate-sensor"
    async with played(tmp_path) as (device, wire):
        await device.says("hall/dut/status", "online", retain=True)
        await device.says("hall/dut/temperature", "21.5", retain=True)
        async with driven(profile, wire) as log:
            await eventually(lambda: log.of("temperature"), "the kept value")
            await device.says("hall/dut/temperature", "22.5")
            await eventually(lambda: log.good("temperature"), "a live one")
            told = [(each.value, each.quality, each.reason) for each in log.of("temperature")]
            assert told == [(21.5, Quality.UNCERTAIN, KEPT), (22.5, Quality.GOOD, "")]


@needs_mosquitto
async def test_a_device_that_has_not_come_or_has_gone_is_offline_and_back_with_its_word(
    tmp_path: Path,
) -> None:
    profile = "mqtt/climate-sensor"
    async with played(tmp_path) as (device, wire):
        await device.says("hall/dut/status", "offline", retain=True)  # as its last will said
        async with driven(profile, wire, online=False) as log:
            await asyncio.sleep(0.2)
            assert log.kinds() == []
            await device.says("hall/dut/status", "online", retain=True)
            await eventually(lambda: log.kinds() == ["online"], "the device there")
            await device.says("hall/dut/status", "offline", retain=True)
            await eventually(lambda: log.kinds() == ["online", "offline"], "the device gone")
            assert "dut says 'offline' on hall/dut/status" in log.events[-1].text
            assert log.of("temperature")[-1].reason == "offline: dut says 'offline' on hall/dut/status"


@needs_mosquitto
async def test_a_command_says_when_the_broker_is_to_forget_it(tmp_path: Path) -> None:
    profile = "mqtt/smart-plug"
    async with played(tmp_path, "hall/dut/set") as (device, wire):
        await device.says("hall/dut/availability", '{"state":"online"}', retain=True)
        async with driven(profile, wire) as log:
            command = log.command("switch", 1.0)
            await eventually(lambda: device.commands, "the command")
            (message,) = device.commands
            assert (message.payload, message.qos) == (b'{"state": "ON"}', 1)
            assert message.properties is not None
            assert message.properties.MessageExpiryInterval == 5  # its timeout  # type: ignore[attr-defined]
            newer = log.command("switch", 0.0)
            assert command.outcome is Outcome.SUPERSEDED
            await device.says("hall/dut", '{"state": "ON", "power": 3}')
            await device.says("hall/dut", '{"state": "OFF"}')
            await eventually(lambda: not newer.pending, "its confirmation")
            assert newer.outcome is Outcome.ACKNOWLEDGED


@needs_mosquitto
async def test_what_is_no_number_is_a_bad_sample_with_its_topic(tmp_path: Path) -> None:
    profile = "mqtt/climate-sensor"
    async with played(tmp_path) as (device, wire):
        await device.says("hall/dut/status", "online", retain=True)
        async with driven(profile, wire) as log:
            await device.says("hall/dut/temperature", "warm")
            await eventually(lambda: log.of("temperature"), "the sample")
            assert log.of("temperature")[0].quality is Quality.BAD
            assert log.of("temperature")[0].reason == "hall/dut/temperature: no number: 'warm'"
