"""A wanted value for a writable signal, from the asking to the outcome."""

from __future__ import annotations

import math
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
    """What the guard said.

    `CLAMPED`: another value went out, the nearest that is allowed. `HELD`: nothing is wrong with it, but
    not now; the actuator keeps what it has. `SAFE_STOP`: refused, and its actuator goes to its safe value.
    """

    PENDING = "pending"
    ALLOWED = "allowed"
    CLAMPED = "clamped"
    HELD = "held"
    REFUSED = "refused"
    SAFE_STOP = "safe-stop"

    @property
    def passes(self) -> bool:
        """Whether the command goes on to its device."""
        return self in (Verdict.ALLOWED, Verdict.CLAMPED)


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
    it, 0 when a person or a test asked. `asked` is the value that was asked for where the guard clamped
    it, else NaN. `on_done` is called once, when the outcome is known.
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
    asked: float = math.nan
    on_done: Callable[[Command], None] | None = None

    @property
    def wanted(self) -> float:
        """What the requester asked for, whatever the guard made of it."""
        return self.value if math.isnan(self.asked) else self.asked

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
