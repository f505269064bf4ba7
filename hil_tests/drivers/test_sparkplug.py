"""Sparkplug devices keep the contract of all drivers, and what the specification adds to it."""

from __future__ import annotations

import pytest

from hil_tests.drivers.contract import CommandContract
from hil_tests.support import Emulated
from testbed.emulators.sparkplug import BROKER_PLUG

needs_mosquitto = pytest.mark.needs_system("mosquitto")


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
