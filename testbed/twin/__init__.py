"""The virtual copy of each device: it mirrors, predicts, and judges every command."""

from .guard import Guard
from .mirror import Mirror, Reading
from .predictor import Predictor

__all__ = ["Guard", "Mirror", "Predictor", "Reading"]
