"""A wanted value for a writable signal, from the asking to the outcome."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum

import msgspec


class Priority(IntEnum):
    """Who goes first on a wire that carries one request at a time; lower is sooner."""

    SAFE = 0
    COMMAND = 1
    POLL = 2
    DISCOVERY = 3


class Verdict(StrEnum):
    """What the guard said."""

    PENDING = "pending"
    ALLOWED = "allowed"
    REFUSED = "refused"


class Outcome(StrEnum):
    """What became of the command at the device."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


class Command(msgspec.Struct):
    """A wanted `value` (in the signal's unit) and all that happened to it.

    Times are session time in ns; 0 means not yet. `cause_ns` is the time of the sample that led to
    it, 0 when a person or a test asked. `on_done` is called once, when the outcome is known.
    """

    signal: int
    value: float
    requester: str
    time_ns: int
    deadline_ns: int
    cause_ns: int = 0
    priority: Priority = Priority.COMMAND
    verdict: Verdict = Verdict.PENDING
    outcome: Outcome = Outcome.PENDING
    reason: str = ""
    sent_ns: int = 0
    done_ns: int = 0
    on_done: Callable[[Command], None] | None = None

    @property
    def pending(self) -> bool:
        """Whether the outcome is still open."""
        return self.outcome is Outcome.PENDING

    def finish(self, outcome: Outcome, time_ns: int, reason: str = "") -> None:
        """Settle the outcome; the first call counts, later ones are ignored."""
        if self.outcome is not Outcome.PENDING:
            return
        self.outcome = outcome
        self.done_ns = time_ns
        if reason:
            self.reason = reason
        if self.on_done is not None:
            self.on_done(self)
