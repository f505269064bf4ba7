"""Judges every command before it reaches a wire, and says why."""

from .ahead import Ahead
from .basis import Basis
from .bounds import Slew
from .check import Check, Finding
from .guard import Guard
from .habit import Habits
from .interlocks import Interlocks
from .ownership import BY_HAND, TWIN, Ownership

__all__ = [
    "BY_HAND",
    "TWIN",
    "Ahead",
    "Basis",
    "Check",
    "Finding",
    "Guard",
    "Habits",
    "Interlocks",
    "Ownership",
    "Slew",
]
