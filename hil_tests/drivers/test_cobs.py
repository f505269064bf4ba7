from hil_tests.drivers.contract import DriverContract


class TestCobsDriver(DriverContract):
    profile = "cobs/fan-driver"
    wire = "serial:///dev/ttyACM0?baud=115200"
    readable, value = "speed", 1500.0
    writable, wanted = "pwm", 42.25
    absent = "serial:///nowhere/ttyACM0?baud=115200"
