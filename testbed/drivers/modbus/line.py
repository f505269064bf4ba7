"""One connection: who may ask, who waits for what, and whether anybody still answers."""

from __future__ import annotations

from collections.abc import Callable

from testbed.clock import NS, Clock
from testbed.drivers.arbiter import Request
from testbed.links import LinkLost
from testbed.protocols.modbus import (
    MAX_PDU,
    ExceptionCode,
    ModbusWire,
    Transaction,
    complaint,
    exception_of,
    is_answer,
)
from testbed.signals import Priority

from .channels import Channel
from .medium import Medium

_UNANSWERED_LIMIT = 3
_CHARACTER = 11  # bits: start, 8 data, parity or second stop, stop (Serial Line 1.02, 2.5.1)
_NOBODY_HOME = (
    ExceptionCode.GATEWAY_PATH_UNAVAILABLE,
    ExceptionCode.GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND,
)


def is_absence(code: int | None) -> bool:
    """Return whether an exception comes from a gateway whose device behind it is silent."""
    return code in _NOBODY_HOME


class Line:
    """One unit's part in an open wire; who else speaks on it is known to the medium.

    `lost` is told when nobody answers any more; `overrun` when a device that answers has lost a request
    that was in flight beside others.
    """

    def __init__(
        self,
        clock: Clock,
        channel: Channel,
        medium: Medium,
        options: ModbusWire,
        lost: Callable[[str], None],
        overrun: Callable[[], None] = lambda: None,
        per_byte: int = 1,
    ) -> None:
        """Begin with nothing asked; `per_byte` are the characters on the line for each byte."""
        self._per_byte = per_byte
        self.clock = clock
        self.channel = channel
        self.arbiter = medium.arbiter
        self._medium = medium
        self.closed = ""
        """Why it was closed; empty while it is open."""
        self._options = options
        self._lost = lost
        self._overrun = overrun
        self._unanswered = 0
        self._answered_ns = 0

    def submit(self, exchange: Exchange) -> None:
        """Send it as soon as the line is free for its priority; raises LinkLost when it is closed."""
        if self.closed:
            raise LinkLost(self.closed)
        self.arbiter.submit(exchange)
        listening = self._medium.listening
        if listening and exchange.priority <= Priority.COMMAND and listening.transaction.is_told_apart:
            listening.end()
            self._medium.listening = None

    def close(self, reason: str) -> None:
        """Fail all that waits and close the link."""
        if self.closed:
            return
        self.closed = reason
        self.arbiter.leave(self, reason)
        if self.channel.link is not None:
            self.channel.link.close()

    def gone(self, reason: str) -> None:
        """Hear that the wire is lost: whoever waits learns it now, not at the timeout."""
        self.close(reason)
        self._lost(reason)

    def answered(self, time_ns: int) -> None:
        """Note that the device is there."""
        self._unanswered = 0
        self._answered_ns = time_ns

    def unanswered(self) -> None:
        """Note that it was silent; three times in a row and it is lost."""
        self._unanswered += 1
        if self._unanswered >= _UNANSWERED_LIMIT:
            self._lost(f"{_UNANSWERED_LIMIT} requests in a row were not answered")

    def timed_out(self, exchange: Exchange) -> None:
        """Note the silence, and where responses are told apart by their order, wait for the late one."""
        if 0 < exchange.sent_ns <= self._answered_ns:
            # It has answered others since: it is there, and may have no room for several at a time.
            if self.arbiter.depth > 1:
                self._overrun()
        else:
            self.unanswered()
        # Nothing late can pass for the echo of a write, so a write need not wait for it; what another
        # write read back can pass for what this one reads back.
        hurry = self.arbiter.waits(Priority.COMMAND) and exchange.transaction.is_told_apart
        if self.channel.in_order and not hurry:
            self._medium.listening = LateResponse(self, exchange.transaction)
            self.arbiter.submit(self._medium.listening)

    def patience_ns(self, transaction: Transaction) -> int:
        """Return how long a response may take: the wire's timeout, and on a serial line the bits."""
        patience = round(self._options.timeout * NS)
        if self.channel.in_order:
            characters = self._per_byte * (len(transaction.pdu) + (transaction.length or MAX_PDU)) + 12
            patience += round(characters * _CHARACTER * NS / self._options.baud)
        return patience


class Exchange(Request):
    """A request on a line and what becomes of it; what it is for is up to its subclasses."""

    def __init__(
        self,
        line: Line,
        transaction: Transaction,
        priority: Priority,
        key: str | None = None,
        deadline_ns: int = 0,
    ) -> None:
        super().__init__(priority, line.patience_ns(transaction), key, deadline_ns, line)
        self.line = line
        self.transaction = transaction
        self.sent_ns = 0
        """When it was last written; 0 while it never was."""
        self._launched = False

    # What a subclass supplies -----------------------------------------------------------------

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Use the response."""

    def refused(self, time_ns: int, reason: str) -> None:
        """Learn that the device answered otherwise than hoped for."""

    def unanswered(self, reason: str) -> None:
        """Learn that no answer came; not called for polls when the line closes."""

    # What the channel and the arbiter call ------------------------------------------------------

    def sent(self, time_ns: int) -> None:
        """Hear that the request was written."""
        self.sent_ns = time_ns

    def arrived(self, time_ns: int, pdu: bytes) -> None:
        """Judge the response, use it, and only then free the line.

        So a command that this response causes stands in the queue before the next poll is chosen.
        """
        try:
            if is_answer(self.transaction, pdu):
                self.line.answered(time_ns)
                self.done(time_ns, pdu)
            elif is_absence(exception_of(self.transaction, pdu)):
                self.refused(time_ns, complaint(self.transaction, pdu))
                self.line.unanswered()
            else:
                self.line.answered(time_ns)
                self.refused(time_ns, complaint(self.transaction, pdu))
        finally:
            self.line.arbiter.answered(self)

    def spoiled(self, time_ns: int, reason: str) -> None:
        """Take a response that cannot be this request's."""
        self.line.answered(time_ns)
        self.refused(time_ns, reason)
        self.line.arbiter.answered(self)

    def send(self) -> None:
        """Write the request."""
        self._launched = True
        self.line.channel.send(self)

    def failed(self, reason: str) -> None:
        """Learn that it ended without a response."""
        launched, self._launched = self._launched, False
        came = self.line.channel.forget(self)
        if launched and not self.line.closed:
            self.line.timed_out(self)
        self.unanswered(f"{reason}; {came}" if came else reason)


class LateResponse(Exchange):
    """Holds a serial line after a timeout for as long again.

    A late response to a read looks like the response to any other read of the same size, so nothing
    is read before it has come or can be ruled out.
    """

    def __init__(self, line: Line, transaction: Transaction) -> None:
        super().__init__(line, transaction, Priority.SAFE)

    def end(self) -> None:
        """Give the line free."""
        self.line.channel.forget(self)
        self.line.arbiter.answered(self)

    def arrived(self, time_ns: int, pdu: bytes) -> None:
        """Drop it: its signals were reported bad already, and its value is old."""
        self.line.answered(time_ns)
        self.line.arbiter.answered(self)

    def send(self) -> None:
        """Listen; nothing is written."""
        self.line.channel.listen(self)

    def failed(self, reason: str) -> None:
        """Stop listening: it did not come."""
        self.line.channel.forget(self)
