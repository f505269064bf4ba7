"""What a driver asks: polls of signals, writes of commands, and whether anybody is there."""

from __future__ import annotations

import asyncio

from testbed.protocols.modbus import PlannedRead, Transaction, exception_of, not_as_written
from testbed.signals import Command, Outcome, Priority

from .line import Exchange, Line, is_absence
from .readings import Readings


class Poll(Exchange):
    """One planned read, repeated; its signals are published within the turn that brought the bytes."""

    def __init__(self, line: Line, plan: PlannedRead, readings: Readings) -> None:
        super().__init__(line, plan.transaction, Priority.POLL, key=f"{plan} {plan.period_ns}")
        self._readings = readings

    def tick(self) -> None:
        """Ask again, unless the last question still waits."""
        if not self.line.closed:
            self.line.submit(self)

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Publish the signals."""
        self._readings.done(time_ns, pdu)

    def refused(self, time_ns: int, reason: str) -> None:
        """Publish that there is no value; the line stays up."""
        self._readings.refused(time_ns, reason)

    def unanswered(self, reason: str) -> None:
        """Publish that no answer came; when the line closes, the supervisor says it for all signals."""
        if not self.line.closed:
            self._readings.refused(0, reason)


class Write(Exchange):
    """One command; acknowledged when the device echoes it, or holds it."""

    def __init__(self, line: Line, transaction: Transaction, command: Command) -> None:
        super().__init__(line, transaction, command.priority, deadline_ns=command.deadline_ns)
        self._command = command

    def sent(self, time_ns: int) -> None:
        """Note when its bytes were written."""
        super().sent(time_ns)
        self._command.sent_ns = time_ns

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Settle it; where it is read back, the device must hold what was written."""
        wrong = not_as_written(self.transaction, pdu)
        self._command.finish(Outcome.FAILED if wrong else Outcome.ACKNOWLEDGED, time_ns, wrong)

    def refused(self, time_ns: int, reason: str) -> None:
        """Settle it with the exception's name."""
        self._command.finish(Outcome.FAILED, time_ns, reason)

    def unanswered(self, reason: str) -> None:
        """Settle it: it may have been carried out, or never left."""
        now = self.line.clock.now()
        expired = not self._command.sent_ns and 0 < self._command.deadline_ns < now
        outcome = Outcome.EXPIRED if expired and not self.line.closed else Outcome.FAILED
        self._command.finish(outcome, now, reason)


class Greeting(Exchange):
    """One read to find out whether the device is there; `absent` says why not, empty when it is.

    Any answer of the device will do, a refusal too: a gateway's own does not.
    """

    def __init__(self, line: Line, transaction: Transaction) -> None:
        super().__init__(line, transaction, Priority.DISCOVERY)
        self.absent: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._away = False

    def arrived(self, time_ns: int, pdu: bytes) -> None:
        """Note the answer."""
        self._away = is_absence(exception_of(self.transaction, pdu))
        super().arrived(time_ns, pdu)

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Settle: it is there."""
        self._settle("")

    def refused(self, time_ns: int, reason: str) -> None:
        """Settle: it is there, unless a gateway speaks for it."""
        self._settle(reason if self._away else "")

    def unanswered(self, reason: str) -> None:
        """Settle: it is not there."""
        self._settle(reason)

    def _settle(self, absent: str) -> None:
        if not self.absent.done():
            self.absent.set_result(absent)


class Question(Exchange):
    """Something that is asked once; `answer` is the response, empty when the device does not give one."""

    def __init__(self, line: Line, transaction: Transaction) -> None:
        super().__init__(line, transaction, Priority.DISCOVERY)
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Settle with the response."""
        self._settle(pdu)

    def refused(self, time_ns: int, reason: str) -> None:
        """Settle: it does not know the function, or answers it wrongly."""
        self._settle(b"")

    def unanswered(self, reason: str) -> None:
        """Settle: it says nothing."""
        self._settle(b"")

    def _settle(self, pdu: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(pdu)
