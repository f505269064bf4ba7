"""What every driver must do, whatever its wire: a suite of tests to inherit, for ours and those of others.

Name the parts of one device in a test class of yours; pytest finds the tests in it:

    from testbed.testing.contract import CommandContract

    class TestMyDriver(CommandContract):          # or DriverContract: a device without commands
        profile = "modbus/thermal-chamber"        # shipped by name, or a Profile object
        wire = "modbus+tcp://127.0.0.1:0?unit=1"  # what the bench file would say; the emulator replaces it
        readable, value = "temperature", 42.5     # a signal that the device reports, and a value for it
        writable, wanted = "heater_duty", 37.5    # a signal that takes commands, and a value
        absent = "modbus+tcp://127.0.0.1:1"       # a wire at which nothing answers

Override the hooks `absent_wire`, `unplug` and `replug` where the defaults do not fit the wire, and the
numbers where it is slow. The defaults pull the plug that the emulator entered in its context.
"""

from .rig import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from .suite import CommandContract, DriverContract

__all__ = [
    "CommandContract",
    "DriverContract",
    "DriverLog",
    "Emulated",
    "emulate",
    "eventually",
    "make_device",
    "run_driver",
]
