"""The driver: one instrument on one serial port, polled for its readings, told its settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from testbed.bench.device import Device
from testbed.clock import NS, Ticker
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.drivers.serial_port import SCHEMES, SerialPort
from testbed.errors import LinkError
from testbed.links import ByteLink, LinkLost
from testbed.protocols.scpi import (
    ErrorEntry,
    Identity,
    Line,
    ScpiSettings,
    SetTemplate,
    check_scpi,
    shown,
)
from testbed.signals import Command, Level, Outcome, Priority

from .conversation import Conversation, Exchange
from .decoder import ScpiDecoder
from .readings import Reading

_UNSAID_PERIOD_NS = NS  # how often a signal is asked for whose profile gives no rate


class ScpiDriver(Driver):
    """Online once *IDN? has been answered by the right instrument, until three questions stay open."""

    schemes = SCHEMES

    def __init__(self, device: Device, context: DriverContext) -> None:
        super().__init__(device, context)
        addresses = check_scpi(device.profile)
        settings = device.profile.settings(ScpiSettings)
        self.identity = ""
        self._expected = None if settings.identity is None else Identity.parse(settings.identity)
        self._timeout = settings.timeout_seconds
        self._port = SerialPort.of(device)
        self._readings = [
            Reading(device.signals[name], a, context.publish, self.publish_bad)
            for name, a in addresses.items()
            if a.query
        ]
        self._templates = {
            device.signals[name].id: SetTemplate.of(a.set_) for name, a in addresses.items() if a.set_
        }
        self._talk: Conversation | None = None
        self._link: ByteLink | None = None
        self._tickers: list[Ticker] = []
        self._troubled: set[int] = set()
        self._ended = ""

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return ScpiDecoder(device, publish, doubt)

    @property
    def command_timeout(self) -> float:
        """Seconds within which the instrument acknowledges a setting."""
        return self._timeout

    # The link ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the port, make sure that the right instrument answers, begin to poll."""
        self._ended = ""
        self._troubled.clear()
        talk = self._talk = Conversation(self.clock, self._timeout, self._write, self._link_ended)
        self._link = await self._port.open(self.wires, talk.received, self._link_ended)
        self.identity = await talk.identify()
        self._check_identity()
        talk.say("*CLS")  # errors from before we came are none of ours
        for reading in self._readings:
            period_ns = reading.signal.period_ns or _UNSAID_PERIOD_NS
            self._tickers.append(self.clock.every(period_ns, self._poll(talk, reading)))

    async def disconnect(self) -> None:
        """Stop polling and close the port; what is pending fails at once."""
        for ticker in self._tickers:
            ticker.cancel()
        self._tickers.clear()
        link, self._link = self._link, None
        if link is not None:
            link.close()
        if self._talk is not None:
            self._talk.close(self._ended or "the connection was closed")

    def _check_identity(self) -> None:
        if self._expected is None:
            return
        found = Identity.parse(self.identity)
        if found.type.casefold() != self._expected.type.casefold():
            raise LinkError(
                f"{self.device.name}: {shown(self.identity)} answers on {self.device.wire}, but profile "
                f"{self.device.profile.name} is for {self._expected.type}",
                "check which instrument hangs on that port, or write its *IDN? answer as identity",
            )

    def _write(self, data: bytes) -> None:
        if self._link is None:
            raise LinkLost(f"{self._port.path}: {self._ended or 'the connection was closed'}")
        self._link.write(data)

    def _link_ended(self, reason: str) -> None:
        self._ended = self._ended or reason
        if self._talk is not None:
            self._talk.abandon()
        self.link_lost(reason)

    # Readings ---------------------------------------------------------------------------------

    def _poll(self, talk: Conversation, reading: Reading) -> Callable[[], None]:
        exchange = Exchange(
            reading.query,
            answered=partial(self._read, talk, reading),
            failed=partial(self._unread, talk, reading),
        )
        return talk.poll(exchange, key=reading.signal.name)

    def _read(self, talk: Conversation, reading: Reading, time_ns: int, line: Line) -> None:
        if reading.arrived(time_ns, line):
            self._troubled.discard(reading.signal.id)
        else:
            talk.lose_step()
            self._ask_why(talk, reading)

    def _unread(self, talk: Conversation, reading: Reading, reason: str) -> None:
        if self._link is None:  # every signal is about to be marked with the reason of the loss
            return
        reading.bad(reason)
        self._ask_why(talk, reading)

    def _ask_why(self, talk: Conversation, reading: Reading) -> None:
        if reading.signal.id in self._troubled:  # once for each run of failures, not for each failure
            return
        self._troubled.add(reading.signal.id)
        ask = Exchange(
            "SYST:ERR?", answered=partial(self._explained, reading.query), failed=lambda reason: None
        )
        talk.ask(ask, Priority.POLL, key="SYST:ERR?")

    def _explained(self, query: str, time_ns: int, line: Line) -> None:
        try:
            entry = ErrorEntry.parse(line.text)
        except ValueError:
            return  # the poll has already said that this instrument answers oddly
        if entry.code:
            self.report(Level.WARNING, "device-error", f"{self.device.name}: {entry} (after {query})")

    # Settings ---------------------------------------------------------------------------------

    def write(self, command: Command) -> None:
        """Send a setting; the empty error queue behind it is the acknowledgement."""
        talk = self._talk
        if talk is None:
            raise LinkLost(f"{self.device.name}: the connection was closed")
        message = self._templates[command.signal].message(command.value)
        exchange = Exchange(
            # *CLS, so that what the queue then holds can only come from this setting.
            f"*CLS\n{message}\nSYST:ERR?",
            answered=partial(self._acknowledged, talk, command, message),
            failed=partial(self._unacknowledged, command),
            sent=lambda: setattr(command, "sent_ns", self.clock.now()),
        )
        talk.ask(exchange, command.priority, deadline_ns=command.deadline_ns)

    def _acknowledged(
        self, talk: Conversation, command: Command, message: str, time_ns: int, line: Line
    ) -> None:
        try:
            entry = ErrorEntry.parse(line.text)
        except ValueError as error:
            talk.lose_step()
            command.finish(Outcome.FAILED, time_ns, f"{message}: {line.defect or error}")
            return
        if entry.code:
            command.finish(Outcome.FAILED, time_ns, f"{self.device.name} refused {message}: {entry}")
            self.report(Level.WARNING, "device-error", f"{self.device.name}: {entry} (after {message})")
        else:
            command.finish(Outcome.ACKNOWLEDGED, time_ns)

    def _unacknowledged(self, command: Command, reason: str) -> None:
        now = self.clock.now()
        expired = not command.sent_ns and now > command.deadline_ns
        outcome = Outcome.EXPIRED if expired else Outcome.FAILED
        command.finish(outcome, now, f"{self.device.name}: {reason}")
