"""Modbus frames told apart by what they ask for: without transaction ids and checksums."""

from __future__ import annotations

import struct
from collections.abc import Hashable

from testbed.protocols.mask import Asked, Heard, noise

from . import rtu
from .lines import decode_frame, frame_at
from .pdu import MAX_PDU, READ_TABLES
from .rtu import request_size, response_size

_HEADER = struct.Struct(">HHHB")
_UNIT_AND_PDU = range(2, MAX_PDU + 2)
_ABOUT = 3  # bytes of a PDU that say which register it is about: function and address


def _place(unit: int, pdu: bytes) -> Hashable:
    """Return what a request is about: a read is about how much it reads as well."""
    return unit, pdu if pdu[0] in READ_TABLES else pdu[:_ABOUT]


class TcpMask:
    """Modbus/TCP: the transaction id tells which request an answer is for."""

    def requests(self, data: bytes) -> list[Asked]:
        """Return the requests in `data`."""
        found, at = [], 0
        while size := _tcp_size(data, at):
            frame = data[at : at + size]
            at += size
            if _is_tcp(frame):
                unit, pdu = frame[6], frame[7:]
                found.append(Asked(size, _place(unit, pdu), frame[6:], int.from_bytes(frame[:2], "big")))
            else:
                found.append(noise(frame))
        return found

    def answers(self, data: bytes) -> list[Heard]:
        """Return the answers in `data`."""
        found, at = [], 0
        while size := _tcp_size(data, at):
            frame = data[at : at + size]
            at += size
            found.append(Heard(size, int.from_bytes(frame[:2], "big") if _is_tcp(frame) else None))
        return found

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer under the transaction id `asked`."""
        assert isinstance(asked, int)  # noqa: S101  (a tag of ours)
        return asked.to_bytes(2, "big") + answer[2:]


def _tcp_size(data: bytes, at: int) -> int:
    """Return the size of the frame at `at`, all that is left when it can be none, 0 when it is not whole."""
    left = len(data) - at
    if left < _HEADER.size:
        return 0
    _, protocol, length, _ = _HEADER.unpack_from(data, at)
    if protocol != 0 or length not in _UNIT_AND_PDU:
        return left  # nobody can tell where the next frame begins
    return 6 + int(length) if left >= 6 + length else 0


def _is_tcp(frame: bytes) -> bool:
    _, protocol, length, _ = _HEADER.unpack_from(frame)
    return bool(protocol == 0 and length == len(frame) - 6)


class RtuMask:
    """Serial lines: an answer is for the last request to the same unit with the same function."""

    def requests(self, data: bytes) -> list[Asked]:
        """Return the requests in `data`; bytes that begin none are noise, one by one."""
        found, at = [], 0
        while len(data) - at >= rtu.SHORTEST:
            size = request_size(data, at)
            if size > len(data) - at:
                break
            frame = data[at : at + size]
            if size and rtu.is_sound(frame):
                pdu = frame[1:-2]
                found.append(Asked(size, _place(frame[0], pdu), frame[:-2], (frame[0], pdu[0])))
            else:
                size = 1
                found.append(noise(frame[:1] or data[at : at + 1]))
            at += size
        return found

    def answers(self, data: bytes) -> list[Heard]:
        """Return the answers in `data`."""
        found, at = [], 0
        while len(data) - at >= rtu.SHORTEST:
            size = response_size(data[at + 1], data[at + 2])
            if size > len(data) - at:
                break
            frame = data[at : at + size]
            sound = size > 0 and rtu.is_sound(frame)
            found.append(Heard(size, (frame[0], frame[1] & 0x7F)) if sound else Heard(1))
            at += size if sound else 1
        return found

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer as it is: nothing in it counts."""
        return answer


class AsciiMask:
    """Lines of text: an answer is for the last request to the same unit with the same function."""

    def requests(self, data: bytes) -> list[Asked]:
        """Return the requests in `data`; what is none is noise."""
        found: list[Asked] = []
        at = 0
        while (place := frame_at(data, at)) is not None:
            if place[0] > at:
                found.append(noise(data[at : place[0]]))
            frame = data[place[0] : place[1]]
            at = place[1]
            read = decode_frame(frame)
            if read is None:
                found.append(noise(frame))
            else:
                unit, pdu = read
                found.append(Asked(len(frame), _place(unit, pdu), bytes((unit,)) + pdu, (unit, pdu[0])))
        return found

    def answers(self, data: bytes) -> list[Heard]:
        """Return the answers in `data`."""
        found: list[Heard] = []
        at = 0
        while (place := frame_at(data, at)) is not None:
            if place[0] > at:
                found.append(Heard(place[0] - at))
            read = decode_frame(data[place[0] : place[1]])
            about = None if read is None else (read[0], read[1][0] & 0x7F)
            found.append(Heard(place[1] - place[0], about))
            at = place[1]
        return found

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer as it is: nothing in it counts."""
        return answer
