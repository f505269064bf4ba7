"""The controller's side of Modbus: polls, writes, and the line that carries them."""

from .driver import ModbusDriver

__all__ = ["ModbusDriver"]
