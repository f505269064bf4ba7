"""How requests and responses find each other: by transaction id on TCP, one at a time on a serial line."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from testbed.clock import Clock
from testbed.links import ByteLink, LinkLost
from testbed.protocols.modbus import FrameError, Framing, Transaction, tcp

from .medium import Medium


class Exchange(Protocol):
    """A request that waits for its response."""

    transaction: Transaction

    def sent(self, time_ns: int) -> None:
        """Hear that the request was written."""

    def arrived(self, time_ns: int, pdu: bytes) -> None:
        """Take the response, or what came in its place."""

    def spoiled(self, time_ns: int, reason: str) -> None:
        """Hear that the response came and cannot be used."""


class Channel(Protocol):
    """One open wire to one unit; `link` is set before anything is sent."""

    link: ByteLink | None
    in_order: ClassVar[bool]
    """Whether responses are told apart only by their order and shape."""

    def send(self, exchange: Exchange) -> None:
        """Write the request of `exchange`, which then hears of its response."""

    def listen(self, exchange: Exchange) -> None:
        """Wait for the response of `exchange` without asking again."""

    def forget(self, exchange: Exchange) -> str:
        """Stop waiting; returns what came instead of the response, for people."""

    def received(self, time_ns: int, data: bytes) -> None:
        """Take bytes from the link."""


def foreign(unit: int, expected: int) -> str:
    """Return what is wrong with a response of another unit than the one that was asked."""
    return f"malformed response: from unit {unit}, expected unit {expected}"


def _write(link: ByteLink | None, frame: bytes) -> None:
    try:
        if link is not None:
            link.write(frame)
    except LinkLost:
        # The link has told its `lost` by now, which fails every request, this one too.
        return


class TcpChannel:
    """Any number of requests at a time, each with its own transaction id."""

    in_order: ClassVar[bool] = False

    def __init__(self, clock: Clock, unit: int, broken: Callable[[str], None]) -> None:
        self.link: ByteLink | None = None
        self._clock = clock
        self._unit = unit
        self._broken = broken
        self._reader = tcp.TcpReader()
        self._last_id = 0
        self._waiting: dict[int, Exchange] = {}

    def send(self, exchange: Exchange) -> None:
        """Write the request under the next transaction id."""
        number = self._last_id = (self._last_id + 1) & 0xFFFF
        self._waiting[number] = exchange
        exchange.sent(self._clock.now())
        _write(self.link, tcp.encode_frame(number, self._unit, exchange.transaction.pdu))

    def listen(self, exchange: Exchange) -> None:
        """Do nothing: a late response has an id that nobody waits for any more."""

    def forget(self, exchange: Exchange) -> str:
        """Let a late response pass unheard."""
        for number, each in self._waiting.items():
            if each is exchange:
                del self._waiting[number]
                break
        return ""

    def received(self, time_ns: int, data: bytes) -> None:
        """Hand each response to whoever waits for its id; late ones and doubles find nobody."""
        try:
            for number, unit, pdu in self._reader.feed(data):
                exchange = self._waiting.pop(number, None)
                if exchange is None:
                    continue
                if unit == self._unit:
                    exchange.arrived(time_ns, pdu)
                else:
                    exchange.spoiled(time_ns, foreign(unit, self._unit))
        except FrameError as error:
            self._broken(str(error))


class LineChannel:
    """One request at a time, with the silence between frames that the standard asks for."""

    in_order: ClassVar[bool] = True

    def __init__(self, clock: Clock, unit: int, framing: Framing, silence_ns: int, medium: Medium) -> None:
        self.link: ByteLink | None = None
        self.heard_ns = 0
        """When the last byte came that was for this unit's driver."""
        self._medium = medium
        self._clock = clock
        self._unit = unit
        self._silence_ns = silence_ns
        self._framing = framing
        self._reader = framing.client(unit)
        self._next: Exchange | None = None
        self._waiting: Exchange | None = None

    def send(self, exchange: Exchange) -> None:
        """Write the request, after 3.5 characters of silence."""
        self._waiting = None
        self._next = exchange
        self._send_when_silent(exchange)

    def listen(self, exchange: Exchange) -> None:
        """Wait for the response of a request that was sent before."""
        self._waiting = exchange
        self._reader.expect(exchange.transaction)

    def forget(self, exchange: Exchange) -> str:
        """Stop waiting, and say what came instead."""
        if self._next is exchange:
            self._next = None
        if self._waiting is not exchange:
            return ""
        self._waiting = None
        return self._reader.received()

    def received(self, time_ns: int, data: bytes) -> None:
        """Look for the response; bytes that nobody waits for are dropped."""
        self.heard_ns = self._medium.heard_ns = time_ns
        exchange = self._waiting
        if exchange is None:
            return
        pdu = self._reader.feed(data)
        if pdu is not None:
            self._waiting = None
            exchange.arrived(time_ns, pdu)

    def _send_when_silent(self, exchange: Exchange) -> None:
        if self._next is not exchange:
            return
        now, free_ns = self._clock.now(), self._medium.heard_ns + self._silence_ns
        if now < free_ns:
            self._clock.at(free_ns, lambda: self._send_when_silent(exchange))
            return
        self._next = None
        self.listen(exchange)
        exchange.sent(now)
        _write(self.link, self._framing.encode(self._unit, exchange.transaction.pdu))
