from hil_tests.drivers.contract import DriverContract


class TestScpiDriver(DriverContract):
    profile = "scpi/thermometer"
    wire = "serial:///dev/ttyUSB0?baud=115200"
    readable, value = "temperature", 21.5
    absent = "serial:///nowhere/ttyUSB0?baud=115200"
