"""A recording as the device's side of a wire: what was sent is sent again, what was answered is answered."""

from .dialect import Asked, Dialect, Heard
from .opener import PlayedOpener
from .outcomes import Delivery, Divergence, Loss, Opened, Parting, Refused, WaitUntil, as_text, shown
from .rules import Rules, same
from .script import Script
from .track import RawFrame

__all__ = [
    "Asked",
    "Delivery",
    "Dialect",
    "Divergence",
    "Heard",
    "Loss",
    "Opened",
    "Parting",
    "PlayedOpener",
    "RawFrame",
    "Refused",
    "Rules",
    "Script",
    "WaitUntil",
    "as_text",
    "same",
    "shown",
]
