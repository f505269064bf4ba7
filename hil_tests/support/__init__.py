"""What tests share: an emulated device on its real wire, a running driver, a log of what came out."""

from .rig import DriverLog, emulate, eventually, make_device, run_driver

__all__ = ["DriverLog", "emulate", "eventually", "make_device", "run_driver"]
