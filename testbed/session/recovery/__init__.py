"""Saves what is whole of a damaged session into a new one, and says what is missing."""

from .recover import recover
from .report import Recovery

__all__ = ["Recovery", "recover"]
