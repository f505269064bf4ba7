"""Bluetooth LE devices, by the GATT characteristics that their profile names."""

from .driver import BleDriver

__all__ = ["BleDriver"]
