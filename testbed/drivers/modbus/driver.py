"""The driver of Modbus devices on TCP and on serial lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from testbed.bench.device import Device
from testbed.clock import Ticker
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.links import LinkLost
from testbed.links.sharing import Junction, LastAsked, Place
from testbed.protocols.modbus import (
    FRAMINGS,
    SCHEMES,
    SERIAL,
    PlannedRead,
    TransactionJunction,
    layout_of,
    modbus_wire,
    place_of,
    plan_write,
)
from testbed.protocols.modbus.texts import told
from testbed.signals import Command, Level

from .channels import LineChannel
from .decoder import modbus_decoder
from .exchanges import Greeting, Poll, Question, Write
from .line import Line
from .medium import medium_of
from .opening import open_line
from .readings import Readings, plan_polls

_HUSH = 0.05  # seconds of silence after a greeting's answer that prove that no older answer follows it


class ModbusDriver(Driver):
    """Polls what can be read, writes what is commanded (Modbus Application Protocol 1.1b3).

    Signals of access read and notify are polled at their rate, 1 Hz without one; written signals are
    not read back unless they say so. Wires: `modbus+tcp://HOST:502?unit=1&timeout=0.5&inflight=8`,
    `modbus+tls://HOST:802?unit=1&ca=FILE&cert=FILE&key=FILE&role=NAME` (Modbus/TCP Security v21),
    `modbus+rtu:///dev/ttyUSB0?unit=1&timeout=0.5&baud=19200&parity=E&stop=1`, `modbus+ascii://` likewise, and
    the frames of a line through a network, `modbus+rtu+tcp://HOST:502?unit=1` and `modbus+ascii+tcp://`.
    """

    schemes: ClassVar[tuple[str, ...]] = SCHEMES

    def __init__(self, device: Device, context: DriverContext) -> None:
        super().__init__(device, context)
        self._options = modbus_wire(device.wire)
        self._medium = medium_of(device, self._options, context)
        layout = layout_of(device.profile)
        self._plans = plan_polls(device, layout)
        self._writes = {
            device.signals[name].id: plan_write(layout, name)
            for name in device.signals
            if name in layout.writable
        }
        self._texts, self._byte_order = layout.settings.texts, layout.settings.byte_order
        self._identity = ""
        self._line: Line | None = None
        self._tickers: list[Ticker] = []

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return modbus_decoder(device, publish, doubt)

    @classmethod
    def junction(cls, device: Device) -> tuple[Place, Callable[[], Junction]] | None:
        """Return where units share a link: answers on TCP are told apart by their ids, on a line by turns."""
        place = place_of(device.wire)
        make = LastAsked if device.wire.scheme in FRAMINGS else TransactionJunction
        return None if place is None else (place, make)

    @property
    def command_timeout(self) -> float:
        """Seconds within which a command is acknowledged, one exchange before it included."""
        return 2 * self._options.timeout

    async def connect(self) -> None:
        """Open the wire, ask for one signal, start polling."""
        line = self._line = await open_line(
            self.device.wire,
            self._options,
            self._medium,
            self.clock,
            self.wires,
            self.link_lost,
            self._overrun,
        )
        await self._greet(line, self._plans[0])
        if line.closed:
            raise LinkLost(line.closed)
        if self._texts:
            await self._introduce(line)
        for plan in self._plans:
            readings = Readings(self.device, plan, self.context.publish, self.publish_bad)
            poll = Poll(line, plan, readings)
            self._tickers.append(self.clock.every(plan.period_ns, poll.tick))
            poll.tick()

    async def disconnect(self) -> None:
        """Stop polling, fail what waits, close the link."""
        for ticker in self._tickers:
            ticker.cancel()
        self._tickers.clear()
        line, self._line = self._line, None
        if line is not None:
            line.close("the link was closed")

    def write(self, command: Command) -> None:
        """Send the command's value; raises ValueError when it does not fit the registers."""
        plan = self._writes.get(command.signal)
        if plan is None or self._line is None:
            raise ValueError(f"{self.device.name}: signal {command.signal} takes no commands")
        self._line.submit(Write(self._line, plan(command.value), command))

    def _overrun(self) -> None:
        """Go on with one request at a time, unless the wire says how many its device takes.

        How many a device takes at once is its own choice (TCP/IP Guide 1.0b, 4.2.2), and cannot be
        asked: pymodbus' server, for one, answers only the last of several that arrive together.
        """
        if self._line is None or "inflight" in self.device.wire.options:
            return
        self._line.arbiter.depth = 1
        self.report(
            Level.WARNING,
            "overrun",
            f"{self.device.name} loses requests that are sent together; from now on it gets one at a time "
            f"(to say so from the start, add inflight=1 to {self.device.wire})",
        )

    async def _introduce(self, line: Line) -> None:
        """Read the texts of the device, and tell them when they are news."""
        found: dict[str, str] = {}
        for name, text in self._texts.items():
            question = Question(line, text.question)
            line.submit(question)
            answer = await question.answer
            found[name] = text.decode(answer[2:], self._byte_order)
        if line.closed:
            raise LinkLost(line.closed)
        identity = told(found)
        if identity and identity != self._identity:
            self._identity = identity
            self.report(Level.INFO, "identity", f"{self.device.name} is {identity}")

    async def _greet(self, line: Line, plan: PlannedRead) -> None:
        """Return once the device has answered; raises LinkLost when it does not."""
        while True:
            greeting = Greeting(line, plan.transaction)
            line.submit(greeting)
            absent = await greeting.absent
            if absent:
                unit = self._options.unit
                raise LinkLost(f"unit {unit} does not answer a read of {plan}: {absent}; {self._advice()}")
            if not isinstance(line.channel, LineChannel):
                return
            # A device that was stopped for a while answers everything that it was ever asked, in a row.
            asked_ns = self.clock.now()
            await self.clock.sleep(_HUSH)
            if line.channel.heard_ns <= asked_ns:
                return

    def _advice(self) -> str:
        if self.device.wire.scheme not in SERIAL:
            return "check the unit id"
        options = self._options
        return f"check the unit id and that it speaks {options.baud} baud 8{options.parity}{options.stop}"
