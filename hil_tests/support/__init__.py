"""What tests share: an emulated device on its real wire, a running driver, a log of what came out."""

from testbed.testing.contract import DriverLog, Emulated, emulate, eventually, make_device, run_driver

__all__ = ["DriverLog", "Emulated", "emulate", "eventually", "make_device", "run_driver"]
