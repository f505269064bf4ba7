"""Recorded Modbus frames to samples: each answer finds the poll that asked for it."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers.decoder import Decoder, Publish
from testbed.links import Direction
from testbed.protocols.modbus import RTU, FrameError, TcpReader, layout_of, rtu
from testbed.protocols.modbus.rtu import RtuClientReader
from testbed.protocols.modbus.wire import timeout_of

from .channels import foreign
from .readings import Readings, plan_polls


def modbus_decoder(device: Device, publish: Publish, doubt: Publish) -> Decoder:
    """Return the decoder for a device's wire: TCP or a serial line."""
    kind = RtuDecoder if device.wire.scheme == RTU else TcpDecoder
    return kind(device, publish, doubt)


class _Request(NamedTuple):
    """A request on the wire; `readings` is None when its answer is not reported."""

    sent_ns: int
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

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take a request, an answer or a mark."""
        if direction is Direction.RX:
            self._received(time_ns, data)
        elif direction is Direction.TX:
            self._sent(time_ns, data)
        elif direction is Direction.OPEN:
            self._opened()

    @abstractmethod
    def _received(self, time_ns: int, data: bytes) -> None: ...

    @abstractmethod
    def _sent(self, time_ns: int, data: bytes) -> None: ...

    @abstractmethod
    def _opened(self) -> None: ...

    def _arrived(self, time_ns: int, request: _Request, unit: int, pdu: bytes) -> None:
        if request.readings is None:
            return
        self.doubt(time_ns - request.sent_ns > self._certain_ns)
        if unit == request.unit:
            request.readings.arrived(time_ns, pdu)
        else:
            request.readings.refused(time_ns, foreign(unit, request.unit))


class TcpDecoder(_ModbusDecoder):
    """Answers are told apart by transaction id; the first request of a connection only greets."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(device, publish, doubt)
        self._opened()

    def _opened(self) -> None:
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
            readings = None if self._greeting else self._polls.get(pdu)
            self._waiting[number] = _Request(time_ns, unit, readings)
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
            self._broken = True  # the driver dropped the connection here


class RtuDecoder(_ModbusDecoder):
    """An answer belongs to the request before it. Greetings are repeated until nothing follows the answer."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(device, publish, doubt)
        self._opened()

    def _opened(self) -> None:
        self._request: _Request | None = None
        self._greeting = True
        self._quiet = False
        self._answered_ns = 0

    def _sent(self, time_ns: int, data: bytes) -> None:
        self._request = None
        unit, pdu = data[:1], data[1:-2]
        if not unit or rtu.encode_frame(unit[0], pdu) != data:
            return  # nobody knows what it asked
        readings = self._polls.get(pdu)
        if readings is None:
            return
        self._greeting = self._greeting and not self._quiet
        self._quiet = False
        self._request = _Request(time_ns, unit[0], readings)
        self._reader = RtuClientReader(unit[0])
        self._reader.expect(readings.transaction)

    def _received(self, time_ns: int, data: bytes) -> None:
        if time_ns > self._answered_ns:
            self._quiet = False
        request = self._request
        pdu = self._reader.feed(data) if request is not None else None
        if request is None or pdu is None:
            return
        self._request = None
        self._quiet, self._answered_ns = True, time_ns
        if not self._greeting:
            self._arrived(time_ns, request, request.unit, pdu)


def _certain_ns(device: Device) -> int:
    """Return how long after its request an answer was certainly still waited for.

    Half of the wire's patience: requests are stamped when they are written, and the driver's own
    watch began a little before.
    """
    try:
        return round(timeout_of(device.wire) * NS / 2)
    except ValueError:  # it was ${NAME}, which only the recording machine knew
        return 0
