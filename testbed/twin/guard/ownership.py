"""Who may write: one owner an actuator, and no twin below the level `integrated`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testbed.bench import Cause
from testbed.signals import Command, Signal

from .check import Finding

BY_HAND = " by hand"
"""How the name of a requester ends who holds the actuator by a lease."""

_OWN = ("configure",)


class Ownership:
    """A command comes from the actuator's owner (its loop or twin), or from who has it in hand."""

    def __init__(
        self,
        owners: Mapping[int, str],
        holder: Callable[[Signal], str | None],
        may_write: Callable[[str, Signal], str | None],
    ) -> None:
        """`owners` are requesters by signal; `holder` says who has a signal in hand.

        `may_write` says why a twin may not write a signal, None if it may.
        """
        self._owners = owners
        self._holder = holder
        self._may_write = may_write

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return whose it is instead."""
        requester = command.requester
        if requester.startswith(TWIN):
            reason = self._may_write(requester.removeprefix(TWIN), signal)
            if reason is not None:
                return Finding(Cause.LEVEL, reason)
        holder = self._holder(signal)
        if holder is not None:
            if requester in (holder, f"{holder}{BY_HAND}", *_OWN):
                return None
            return Finding(Cause.OWNER, f"{signal.path} is in the hands of {holder}, not of {requester}")
        owner = self._owners.get(signal.id)
        if owner is None or requester in (owner, *_OWN):
            return None
        return Finding(
            Cause.OWNER,
            f"{signal.path} belongs to {owner}, not to {requester}\ntake it in hand first",
        )

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Nothing is kept."""


TWIN = "twin "
"""How the name of a requester begins that is a twin."""
