"""The virtual copy of each device: it mirrors, predicts, and judges every command."""

from .guard import Guard
from .live import LiveTwin
from .mirror import Mirror, Reading

__all__ = ["Guard", "LiveTwin", "Mirror", "Reading"]
