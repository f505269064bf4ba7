"""Modbus drivers keep the contract of all drivers, on TCP and on a serial line."""

from testbed.testing.contract import CommandContract


class TestOnTcp(CommandContract):
    profile = "modbus/thermal-chamber"
    wire = "modbus+tcp://127.0.0.1:502?unit=1"
    readable, value = "temperature", 42.5
    writable, wanted = "heater_duty", 37.5
    absent = "modbus+tcp://127.0.0.1:1?unit=1"


class TestOnASerialLine(CommandContract):
    profile = "modbus/thermal-chamber"
    wire = "modbus+rtu:///dev/ttyUSB0?unit=3&baud=115200&parity=N"
    readable, value = "load_temperature", -3.5
    writable, wanted = "setpoint", 60.5
    absent = "modbus+rtu:///dev/no-such-port?unit=3"


class TestBehindAConverter(CommandContract):
    """The frames of a serial line over TCP."""

    profile = "modbus/thermal-chamber"
    wire = "modbus+rtu+tcp://127.0.0.1:502?unit=3"
    readable, value = "temperature", 42.5
    writable, wanted = "heater_duty", 37.5
    absent = "modbus+rtu+tcp://127.0.0.1:1?unit=3"


class TestAsText(CommandContract):
    profile = "modbus/thermal-chamber"
    wire = "modbus+ascii:///dev/ttyUSB0?unit=3&baud=115200&parity=N"
    readable, value = "load_temperature", -3.5
    writable, wanted = "setpoint", 60.5
    absent = "modbus+ascii:///dev/no-such-port?unit=3"


class TestAsTextBehindAConverter(CommandContract):
    profile = "modbus/thermal-chamber"
    wire = "modbus+ascii+tcp://127.0.0.1:502?unit=3"
    readable, value = "temperature", 42.5
    writable, wanted = "heater_duty", 37.5
    absent = "modbus+ascii+tcp://127.0.0.1:1?unit=3"
