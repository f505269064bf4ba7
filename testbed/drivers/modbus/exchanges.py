"""What a driver asks: polls of signals, writes of commands, and whether anybody is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from testbed.protocols.modbus import PlannedRead, Transaction, exception_of
from testbed.signals import Command, Outcome, Priority, Sample, Signal

from .line import Exchange, Line, is_absence


class Poll(Exchange):
    """One planned read, repeated; its signals are published within the turn that brought the bytes."""

    def __init__(
        self,
        line: Line,
        plan: PlannedRead,
        signals: Sequence[Signal],
        publish: Callable[[Sample], None],
        publish_bad: Callable[[Signal, str], None],
    ) -> None:
        super().__init__(line, plan.transaction, Priority.POLL, key=f"{plan} {plan.period_ns}")
        self._plan = plan
        self._signals = tuple(signals)
        self._ids = tuple(signal.id for signal in signals)
        self._unpack = plan.block.unpack
        self._publish = publish
        self._publish_bad = publish_bad

    def tick(self) -> None:
        """Ask again, unless the last question still waits."""
        if not self.line.closed:
            self.line.submit(self)

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Publish the signals at the time when their bytes came."""
        if not self._ids:
            return
        publish = self._publish
        for position, value in enumerate(self._unpack(pdu, 2)):
            if value - value == 0.0:  # neither NaN nor infinite
                publish(Sample(self._ids[position], time_ns, value))
            else:
                self._publish_bad(self._signals[position], f"the device sent {value} in {self._plan}")

    def refused(self, reason: str) -> None:
        """Publish that there is no value; the line stays up."""
        self._all_bad(reason)

    def unanswered(self, reason: str) -> None:
        """Publish that no answer came; when the line closes, the supervisor says it for all signals."""
        if not self.line.closed:
            self._all_bad(reason)

    def _all_bad(self, reason: str) -> None:
        for signal in self._signals:
            self._publish_bad(signal, f"reading {self._plan}: {reason}")


class Write(Exchange):
    """One command; acknowledged when the device echoes it."""

    def __init__(self, line: Line, transaction: Transaction, command: Command) -> None:
        super().__init__(line, transaction, command.priority, deadline_ns=command.deadline_ns)
        self._command = command

    def sent(self, time_ns: int) -> None:
        """Note when its bytes were written."""
        super().sent(time_ns)
        self._command.sent_ns = time_ns

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Settle it."""
        self._command.finish(Outcome.ACKNOWLEDGED, time_ns)

    def refused(self, reason: str) -> None:
        """Settle it with the exception's name."""
        self._command.finish(Outcome.FAILED, self.line.clock.now(), reason)

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

    def refused(self, reason: str) -> None:
        """Settle: it is there, unless a gateway speaks for it."""
        self._settle(reason if self._away else "")

    def unanswered(self, reason: str) -> None:
        """Settle: it is not there."""
        self._settle(reason)

    def _settle(self, absent: str) -> None:
        if not self.absent.done():
            self.absent.set_result(absent)
