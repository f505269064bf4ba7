"""Questions and answers on a line, one at a time, that can never slip out of step (see pairing.py)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import msgspec

from testbed.clock import NS, Clock
from testbed.drivers.arbiter import Arbiter, Request
from testbed.links import LinkLost
from testbed.protocols.scpi import Line, LineReader
from testbed.signals import Priority

from .pairing import IDENTIFY, Heard, Pairing

_SILENT_AFTER = 3  # timeouts in a row
_ASK_AGAIN_NS = NS  # an instrument that was still starting up has not heard the first *IDN?

Answered = Callable[[int, Line], None]
"""Called with the time of arrival and the line."""


class Exchange(msgspec.Struct):
    """Lines to send, of which exactly one is a query, and who hears the answer or why there is none."""

    message: str
    answered: Answered
    failed: Callable[[str], None]
    sent: Callable[[], None] = lambda: None
    asked: bool = False


class Conversation:
    """One exchange at a time over `write`; `silent` is told when the instrument answers nothing."""

    def __init__(
        self, clock: Clock, timeout: float, write: Callable[[bytes], None], silent: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self.timeout_ns = round(timeout * NS)
        self._write = write
        self._silent = silent
        self._reader = LineReader()
        self._pairing = Pairing()
        self._arbiter = Arbiter(clock)
        self._turn: _Turn | None = None
        self._exchange: Exchange | None = None
        self._identified: asyncio.Future[str] | None = None
        self._in_step = False
        self._timeouts = 0
        self._closed = False

    async def identify(self) -> str:
        """Ask *IDN? until it is answered; late answers to an earlier controller are passed over.

        Raises LinkLost when the wire goes before.
        """
        self._identified = asyncio.get_running_loop().create_future()
        self._send(IDENTIFY)
        again = self._clock.every(_ASK_AGAIN_NS, self._ask_identity, _ASK_AGAIN_NS)
        try:
            identity = await self._identified
        finally:
            again.cancel()
        if not identity:
            raise LinkLost("the wire was lost before *IDN? was answered")
        self._in_step = True
        return identity

    def abandon(self) -> None:
        """Wait no longer for the identity: the wire is gone."""
        if self._identified is not None and not self._identified.done():
            self._identified.set_result("")

    def _ask_identity(self) -> None:
        with contextlib.suppress(LinkLost):
            self._send(IDENTIFY)

    def say(self, message: str) -> None:
        """Send a command that has no answer."""
        self._send(message)

    def ask(
        self, exchange: Exchange, priority: Priority, *, key: str | None = None, deadline_ns: int = 0
    ) -> None:
        """Carry out an exchange when its turn comes; `key` and `deadline_ns` as in Request."""
        self._arbiter.submit(_Turn(self, exchange, priority, key, deadline_ns))

    def poll(self, exchange: Exchange, key: str) -> Callable[[], None]:
        """Return what carries out `exchange` as a poll, whenever it is called and it is not under way."""
        return partial(self._arbiter.submit, _Turn(self, exchange, Priority.POLL, key))

    def received(self, time_ns: int, data: bytes) -> None:
        """Take what the instrument sent."""
        for line in self._reader.feed(data):
            self._line(time_ns, line)

    def lose_step(self) -> None:
        """Resynchronise before the next exchange: what came cannot be what was asked for."""
        self._in_step = False

    def close(self, reason: str) -> None:
        """End every exchange, waiting or begun."""
        self._closed = True
        self._arbiter.fail_all(reason)
        self._exchange = None

    def begin(self, turn: _Turn) -> None:
        """Ask what `turn` is for, or first get back into step."""
        self._turn, self._exchange = turn, turn.exchange
        exchange = turn.exchange
        exchange.asked = False
        if self._in_step:
            self._put(exchange)
        else:
            self._send(IDENTIFY)

    def _put(self, exchange: Exchange) -> None:
        exchange.asked = True
        exchange.sent()
        self._send(exchange.message)

    def _line(self, time_ns: int, line: Line) -> None:
        heard = self._pairing.heard(line)
        if self._identified is not None and not self._identified.done():
            if heard is Heard.IDENTITY:
                self._identified.set_result(line.text)
        elif heard is Heard.STRAY:
            self._in_step = False
        elif heard is Heard.IDENTITY:
            self._timeouts = 0
            self._resume()
        else:
            self._timeouts = 0
            self._answered(time_ns, line)

    def _resume(self) -> None:
        """Ask what waited for the identity to come back."""
        exchange = self._exchange
        if exchange is not None and not exchange.asked:
            self._in_step = True
            # A lost wire is told to the supervisor by the link; the exchange fails with it.
            with contextlib.suppress(LinkLost):
                self._put(exchange)

    def _answered(self, time_ns: int, line: Line) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.answered(time_ns, line)
        if self._turn is not None:
            self._arbiter.answered(self._turn)

    def fail(self, exchange: Exchange, reason: str) -> None:
        """End an exchange that was not answered."""
        if exchange is self._exchange and not self._closed:
            self._exchange = None
            self._pairing.gave_up()
            self._in_step = False
            self._timeouts += 1
        exchange.failed(reason)
        if self._timeouts >= _SILENT_AFTER and not self._closed:
            self._silent(f"{self._timeouts} questions in a row without an answer")

    def _send(self, message: str) -> None:
        if self._closed:
            raise LinkLost("the connection is closed")
        self._pairing.sent(message)
        self._write(f"{message}\n".encode())


class _Turn(Request):
    """An exchange's turn to use the line."""

    def __init__(
        self,
        conversation: Conversation,
        exchange: Exchange,
        priority: Priority,
        key: str | None,
        deadline_ns: int = 0,
    ) -> None:
        super().__init__(priority, conversation.timeout_ns, key, deadline_ns)
        self.exchange = exchange
        self._conversation = conversation

    def send(self) -> None:
        self._conversation.begin(self)

    def failed(self, reason: str) -> None:
        self._conversation.fail(self.exchange, reason)
