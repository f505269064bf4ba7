"""Emulated Bluetooth LE devices: bumble peripherals behind BlueZ's face on a private D-Bus."""

from .server import serve

__all__ = ["serve"]
