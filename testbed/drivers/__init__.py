"""The client side of every wire: link, protocol and profile together, giving samples, taking commands."""

from .arbiter import Arbiter, Request
from .base import Driver, DriverContext, LinkState
from .registry import driver_class

__all__ = ["Arbiter", "Driver", "DriverContext", "LinkState", "Request", "driver_class"]
