"""What passes on a Modbus wire says: frames on TCP and on serial lines."""

from __future__ import annotations

import struct

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Meaning, not_understood, unfinished

from .lines import MAX_FRAME as LONGEST_LINE
from .lines import decode_frame, frame_at
from .pdu import EXCEPTION_BIT, MAX_PDU
from .rtu import BROADCAST, MAX_FRAME, SHORTEST, is_sound, request_size, response_size
from .words import Pdus, fields_of

_HEADER = struct.Struct(">HHHB")

_WAITING = 256  # requests that may be open at a time, as transaction ids go on


class TcpDescriber:
    """Follows both directions of a Modbus/TCP connection; requests and responses share a transaction."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._pdus = Pdus(profile)
        self._rest = {True: b"", False: b""}
        self._requests: dict[int, bytes] = {}

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every frame that ends in `data`, and of what is left."""
        rest = self._rest[to_device]
        buffer, at, before, found = rest + data, 0, len(rest), []
        self._rest[to_device] = b""
        while at < len(buffer):
            if len(buffer) - at < _HEADER.size:
                found.append(unfinished(at - before, len(data)))
                self._rest[to_device] = buffer[at:]
                break
            transaction, protocol, length, unit = _HEADER.unpack_from(buffer, at)
            if protocol != 0 or not 2 <= length <= MAX_PDU + 1:
                why = f"protocol {protocol} and {length} bytes are no Modbus/TCP header"
                found.append(not_understood(at - before, data, len(data), why))
                break
            end = at + 6 + length
            if end > len(buffer):
                found.append(unfinished(at - before, len(data), 6 + length))
                self._rest[to_device] = buffer[at:]
                break
            pdu = buffer[at + _HEADER.size : end]
            found.append(self._frame(to_device, at - before, end - before, transaction, unit, pdu))
            at = end
        return found

    def _frame(
        self, to_device: bool, start: int, end: int, transaction: int, unit: int, pdu: bytes
    ) -> Meaning:
        if to_device:
            if len(self._requests) >= _WAITING:
                self._requests.pop(next(iter(self._requests)))
            self._requests[transaction] = pdu
            text, values = self._pdus.request(pdu)
        else:
            text, values = self._pdus.response(self._requests.pop(transaction, None), pdu)
        fields = {"transaction": transaction, "unit": unit, **fields_of(pdu)}
        return Meaning(start, end, f"{text}, unit {unit}, transaction {transaction}", fields, values)


class RtuDescriber:
    """Follows a serial line, on which a response answers the request before it."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._pdus = Pdus(profile)
        self._rest = b""
        self._request: bytes | None = None
        self._unit = BROADCAST

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every frame that ends in `data`, and of what is left."""
        if to_device:
            self._rest = b""  # what came before a request belongs to nobody any more
        rest = b"" if to_device else self._rest
        buffer, at, before, found = rest + data, 0, len(rest), []
        garbage = 0
        while at < len(buffer):
            size = _request_at(buffer, at) if to_device else self._response_at(buffer, at)
            if size > len(buffer) - at:
                break  # the beginning of a frame whose end is still to come
            if size == 0:
                at += 1
                continue
            if garbage < at:
                found.append(_no_frame(garbage - before, data, at - before))
            found.append(self._frame(to_device, at - before, at + size - before, buffer[at : at + size]))
            garbage = at = at + size
        if garbage < at:
            found.append(_no_frame(garbage - before, data, at - before))
        if at < len(buffer):
            found.append(unfinished(at - before, len(data)))
        self._rest = b"" if to_device else buffer[at:][-MAX_FRAME:]
        return found

    def _response_at(self, buffer: bytes, at: int) -> int:
        """Return the size of the sound response at `at`; 0 for none, too much if it is not whole."""
        head = buffer[at : at + 3]
        size = response_size(head[1], head[2]) if len(head) == 3 else SHORTEST
        if not SHORTEST <= size <= MAX_FRAME:
            return 0
        if size > len(buffer) - at:
            return size if self._may_begin(head) else 0
        return size if is_sound(buffer[at : at + size]) else 0

    def _may_begin(self, head: bytes) -> bool:
        """Return whether a response to the last request can begin so."""
        if self._request is None or head[0] != self._unit:
            return False
        return len(head) < 2 or head[1] & ~EXCEPTION_BIT == self._request[0]

    def _frame(self, to_device: bool, start: int, end: int, frame: bytes) -> Meaning:
        unit, pdu = frame[0], frame[1:-2]
        if to_device:
            self._request = pdu
            self._unit = unit
            text, values = self._pdus.request(pdu)
        else:
            text, values = self._pdus.response(self._request, pdu)
        whom = "all units" if unit == BROADCAST else f"unit {unit}"
        return Meaning(start, end, f"{text}, {whom}", {"unit": unit, **fields_of(pdu)}, values)


class AsciiDescriber:
    """Follows a line of text, on which a response answers the request before it."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._pdus = Pdus(profile)
        self._rest = b""
        self._request: bytes | None = None

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every frame that ends in `data`, and of what is left."""
        rest = b"" if to_device else self._rest
        buffer, at, before, found = rest + data, 0, len(rest), []
        while (place := frame_at(buffer, at)) is not None:
            start, end = place
            if start > at:
                found.append(_no_frame(at - before, data, start - before))
            read = decode_frame(buffer[start:end])
            if read is None:
                found.append(_no_frame(start - before, data, end - before))
            else:
                found.append(self._frame(to_device, start - before, end - before, *read))
            at = end
        if at < len(buffer):
            found.append(unfinished(at - before, len(data)))
        self._rest = b"" if to_device else buffer[at:][-LONGEST_LINE:]
        return found

    def _frame(self, to_device: bool, start: int, end: int, unit: int, pdu: bytes) -> Meaning:
        if to_device:
            self._request = pdu
            text, values = self._pdus.request(pdu)
        else:
            text, values = self._pdus.response(self._request, pdu)
        whom = "all units" if unit == BROADCAST else f"unit {unit}"
        return Meaning(start, end, f"{text}, {whom}", {"unit": unit, **fields_of(pdu)}, values)


def _request_at(buffer: bytes, at: int) -> int:
    """Return the size of the sound request at `at`, 0 for none; a controller writes it whole."""
    size = request_size(buffer, at) if at + 1 < len(buffer) else 0
    return size if SHORTEST <= size <= len(buffer) - at and is_sound(buffer[at : at + size]) else 0


def _no_frame(start: int, data: bytes, end: int) -> Meaning:
    return not_understood(start, data, end, "no frame with a right checksum")
