"""Devices with topics of their own keep the contract of all drivers, and what MQTT adds to it."""

from __future__ import annotations

import pytest

from hil_tests.drivers.contract import CommandContract, DriverContract
from hil_tests.support import Emulated
from testbed.emulators.mqtt import BROKER_PLUG

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
