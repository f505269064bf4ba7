"""Recorded Modbus frames to samples: each answer finds the poll that asked for it."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers.decoder import Decoder, Publish
from testbed.links import Direction
from testbed.protocols.modbus import FRAMINGS, FrameError, Framing, TcpReader, layout_of
from testbed.protocols.modbus.wire import timeout_of

from .channels import foreign
from .readings import Readings, plan_polls


def modbus_decoder(device: Device, publish: Publish, doubt: Publish) -> Decoder:
    """Return the decoder for a device's wire."""
    framing = FRAMINGS.get(device.wire.scheme)
    if framing is None:
        return TcpDecoder(device, publish, doubt)
    return LineDecoder(device, publish, doubt, framing)


class _Request(NamedTuple):
    """A request on the wire; `readings` is None when its answer is not reported.

    Until `certain_ns` the driver certainly waited for the answer.
    """

    certain_ns: int
    unit: int
    readings: Readings | None


class _ModbusDecoder(Decoder):
    """What both wires share: the polls by their requests, and how long an answer is waited for."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        plans = plan_polls(device, layout_of(device.profile))
        readings = [Readings(device, plan, self.publish, self.publish_bad) for plan in plans]
        self._polls = {each.transaction.pdu: each for each in readings}
        self._certain_ns = _certain_ns(device)
        # Until a link is opened: the recording may begin in the middle, or with a greeting.
        self._joined = True
        self._restart()

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take a request, an answer or a mark."""
        if direction is Direction.RX:
            self._received(time_ns, data)
        elif direction is Direction.TX:
            self._sent(time_ns, data)
        elif direction is Direction.OPEN:
            self._joined = False
            self._restart()

    @abstractmethod
    def _received(self, time_ns: int, data: bytes) -> None: ...

    @abstractmethod
    def _sent(self, time_ns: int, data: bytes) -> None: ...

    @abstractmethod
    def _restart(self) -> None: ...

    def _request(self, time_ns: int, unit: int, readings: Readings | None, greeting: bool) -> _Request:
        if greeting and not self._joined:
            readings = None
        return _Request(0 if greeting else time_ns + self._certain_ns, unit, readings)

    def _arrived(self, time_ns: int, request: _Request, unit: int, pdu: bytes) -> None:
        if request.readings is None:
            return
        self.doubt(time_ns > request.certain_ns)
        if unit == request.unit:
            request.readings.arrived(time_ns, pdu)
        else:
            request.readings.refused(time_ns, foreign(unit, request.unit))


class TcpDecoder(_ModbusDecoder):
    """Answers are told apart by transaction id; the first request of a connection only greets."""

    def _restart(self) -> None:
        self._reader = TcpReader()
        self._waiting: dict[int, _Request] = {}
        self._greeting = True
        self._broken = False

    def _sent(self, time_ns: int, data: bytes) -> None:
        try:
            requests = list(TcpReader().feed(data))
        except FrameError:
            return  # nobody knows what it asked
        for number, unit, pdu in requests:
            self._waiting[number] = self._request(time_ns, unit, self._polls.get(pdu), self._greeting)
            self._greeting = False

    def _received(self, time_ns: int, data: bytes) -> None:
        if self._broken:
            return
        try:
            for number, unit, pdu in self._reader.feed(data):
                request = self._waiting.pop(number, None)
                if request is not None:
                    self._arrived(time_ns, request, unit, pdu)
        except FrameError:
            self._reader = TcpReader()
            self._broken = not self._joined  # the driver dropped the connection here


class LineDecoder(_ModbusDecoder):
    """An answer belongs to the request before it. Greetings are repeated until nothing follows the answer."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish, framing: Framing) -> None:
        self._framing = framing
        super().__init__(device, publish, doubt)

    def _restart(self) -> None:
        self._asked: _Request | None = None
        self._greeting = True
        self._quiet = False
        self._answered_ns = 0

    def _sent(self, time_ns: int, data: bytes) -> None:
        self._asked = None
        found = self._framing.decode(data)
        if found is None:
            return  # nobody knows what it asked
        unit, pdu = found
        readings = self._polls.get(pdu)
        if readings is None:
            return
        self._greeting = self._greeting and not self._quiet
        self._quiet = False
        self._asked = self._request(time_ns, unit, readings, self._greeting)
        self._reader = self._framing.client(unit)
        self._reader.expect(readings.transaction)

    def _received(self, time_ns: int, data: bytes) -> None:
        if time_ns > self._answered_ns:
            self._quiet = False
        asked = self._asked
        pdu = self._reader.feed(data) if asked is not None else None
        if asked is None or pdu is None:
            return
        self._asked = None
        self._quiet, self._answered_ns = True, time_ns
        self._arrived(time_ns, asked, asked.unit, pdu)


def _certain_ns(device: Device) -> int:
    """Return how long after its request an answer was certainly still waited for.

    Half of the wire's patience: requests are stamped when they are written, and the driver's own
    watch began a little before.
    """
    try:
        return round(timeout_of(device.wire) * NS / 2)
    except ValueError:  # it was ${NAME}, which only the recording machine knew
        return 0
