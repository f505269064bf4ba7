"""The face that pytest shows: what tests of a bench are written with."""

from .requirements import verifies
from .sweep import between, sweep

__all__ = ["between", "sweep", "verifies"]
