"""The device side of every wire: the same protocol and profile, at the other end of a real wire."""

from .base import EmulatedDevice, EmulatorContext, Plug, Ready, Serve, Store
from .registry import emulator_of

__all__ = ["EmulatedDevice", "EmulatorContext", "Plug", "Ready", "Serve", "Store", "emulator_of"]
