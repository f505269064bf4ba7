"""Framing on TCP: the MBAP header (Modbus Messaging on TCP/IP Implementation Guide 1.0b, 3.1.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .pdu import MAX_PDU

_HEADER = struct.Struct(">HHHB")
_SHORTEST = 8  # a header and a function
_UNIT_AND_PDU = range(2, MAX_PDU + 2)  # the header's length counts the unit and at least a function


class FrameError(Exception):
    """The stream holds no Modbus frame and can never be read again: the link must be dropped."""


def encode_frame(transaction_id: int, unit: int, pdu: bytes) -> bytes:
    """Return the frame that carries `pdu`."""
    return _HEADER.pack(transaction_id, 0, len(pdu) + 1, unit) + pdu


class TcpReader:
    """Cuts a stream into frames, wherever the network cut it."""

    def __init__(self) -> None:
        self._rest = b""

    def only(self, data: bytes) -> tuple[int, int, bytes] | None:
        """Return (transaction id, unit, PDU) when `data` is one whole frame and nothing waits; else None.

        So is nearly all that comes; `feed` reads the rest.
        """
        if self._rest or len(data) < _SHORTEST:
            return None
        transaction_id, protocol, length, unit = _HEADER.unpack_from(data)
        if protocol != 0 or length != len(data) - 6 or length not in _UNIT_AND_PDU:
            return None
        return transaction_id, unit, data[7:]

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Yield (transaction id, unit, PDU) of each whole frame.

        Raises FrameError, after the frames that came before, at a wrong protocol id or length.
        """
        if self._rest:
            data = self._rest + data
        start, end = 0, len(data)
        while end - start >= _HEADER.size:
            transaction_id, protocol, length, unit = _HEADER.unpack_from(data, start)
            if protocol != 0 or length not in _UNIT_AND_PDU:
                self._rest = b""
                raise FrameError(_what(protocol, length))
            stop = start + 6 + length
            if stop > end:
                break
            # The rest is kept before the frame is handed out: whoever gets it may stop listening.
            pdu = data[start + 7 : stop]
            start = stop
            self._rest = data[start:]
            yield transaction_id, unit, pdu
        self._rest = data[start:]


def _what(protocol: int, length: int) -> str:
    if protocol != 0:
        return f"this is not Modbus/TCP: protocol id {protocol:#06x}, expected 0"
    return f"this is not Modbus/TCP: a frame of {length} bytes, expected 2 to {MAX_PDU + 1}"
