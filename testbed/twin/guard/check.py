"""What every check of the guard is: it looks at a command and may object."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from testbed.bench import Cause
from testbed.signals import Command, Signal


class Finding(NamedTuple):
    """An objection; `nearest` is the value closest to the wanted one that would pass, NaN: there is none."""

    cause: Cause
    reason: str
    nearest: float = math.nan


class Check(Protocol):
    """One thing that a command is judged by."""

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return what is wrong with a command, None if nothing is."""

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Learn that a command went out, with the value that it has now."""
