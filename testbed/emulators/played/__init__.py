"""Recorded devices: what is at the other end of a wire is a session file."""

from .bench import play_devices
from .device import PlayedDevice
from .dialects import dialect_of
from .near import live_rules
from .player import Player

__all__ = ["PlayedDevice", "Player", "dialect_of", "live_rules", "play_devices"]
