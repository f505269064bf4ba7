"""Recorded devices on every kind of wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.support import Emulated
from hil_tests.support.lorawan import WIRE, quick_profile
from testbed.bench.profile import load_profile
from testbed.emulators.lorawan.network import BROKER_PLUG

from .contract import PlayedContract


class TestModbusTcp(PlayedContract):
    profile = "modbus/thermal-chamber"
    wire = "modbus+tcp://127.0.0.1:0?unit=1"
    readable = "temperature"
    writable, wanted = "heater_duty", 37.5


class TestModbusRtu(TestModbusTcp):
    wire = "modbus+rtu:///dev/ttyUSB0?unit=3&baud=115200&parity=N"
    lasting = 2.8  # a request without an answer holds the line for a second


class TestScpi(PlayedContract):
    profile = "scpi/thermometer"
    wire = "serial:///dev/ttyUSB0?baud=115200"
    readable = "temperature"


class TestCobs(PlayedContract):
    profile = "cobs/fan-driver"
    wire = "serial:///dev/ttyACM0?baud=230400"
    readable = "speed"
    writable, wanted = "pwm", 42.0


@pytest.mark.needs_system("dbus-daemon")
class TestBle(PlayedContract):
    profile = load_profile(Path(__file__).parents[1] / "ble_thermostat.yaml")
    wire = "ble://C0:FF:EE:00:00:01"
    readable = "temperature"
    writable, wanted = "setpoint", 22.0
    happens_at = 2.0
    lasting, lasting_with_outage = 3.0, 6.0


class TestLorawan(PlayedContract):
    profile = quick_profile()
    wire = WIRE
    readable, step = "position", 0.5
    writable, wanted = "opening", 40.0
    happens_at = 1.5
    lasting, lasting_with_outage = 3.5, 4.5

    def plug_of(self, emulated: Emulated) -> str:
        return BROKER_PLUG


@pytest.mark.needs_system("mosquitto")
class TestMqtt(PlayedContract):
    profile = "mqtt/valve-controller"
    wire = "mqtt://127.0.0.1:1/hall/valve"
    readable, step = "position", 0.5
    writable, wanted = "opening", 40.0
    happens_at, lasting = 0.5, 1.0
    lasting_with_outage = 2.6

    def plug_of(self, emulated: Emulated) -> str:
        return "mqtt-devices-broker"


@pytest.mark.needs_system("mosquitto")
class TestSparkplug(PlayedContract):
    profile = "sparkplug/press"
    wire = "sparkplug+mqtt://127.0.0.1:1/plant-1/line-3/press"
    readable = "force"
    writable, wanted = "force_setpoint", 40.0
    happens_at, lasting = 0.5, 1.0
    lasting_with_outage = 2.6
