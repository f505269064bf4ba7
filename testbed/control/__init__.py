"""Closing the loop: controllers, loops with their timing, the way of a command, hands, the safe state."""

from .commander import Commander
from .controllers import Controller, Pid, make_controller
from .loop import CycleLog, LoopRunner
from .manual import END, GIVEN, TAKEN, Lease, ManualControl, ManualRefused
from .safe_state import SafeState
from .supervision import Supervision

__all__ = [
    "END",
    "GIVEN",
    "TAKEN",
    "Commander",
    "Controller",
    "CycleLog",
    "Lease",
    "LoopRunner",
    "ManualControl",
    "ManualRefused",
    "Pid",
    "SafeState",
    "Supervision",
    "make_controller",
]
