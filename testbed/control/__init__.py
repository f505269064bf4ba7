"""Closing the loop: controllers, loops with their timing, the way of a command, the safe state."""

from .commander import Commander
from .loop import CycleLog, LoopRunner
from .pid import Pid
from .safe_state import SafeState

__all__ = ["Commander", "CycleLog", "LoopRunner", "Pid", "SafeState"]
