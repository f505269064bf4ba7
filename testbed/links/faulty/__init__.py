"""Faults between driver and wire, of every shape of link; inert until they begin."""

from .opener import FaultyOpener
from .wire import FaultyWire

__all__ = ["FaultyOpener", "FaultyWire"]
