"""Framing on serial lines (Modbus over Serial Line 1.02, 2.5.1): unit, PDU, CRC-16, and no length.

Where a frame ends follows from its function; where it begins, after garbage, from its checksum.
"""

from __future__ import annotations

from .identity import response_length
from .pdu import EXCEPTION_BIT, Function, Transaction, exception_of, is_answer

BROADCAST = 0
MAX_FRAME = 256
SHORTEST = 4
"""Bytes of the shortest frame: a unit, a function, a checksum."""

_OVERHEAD = 3  # unit and checksum around a PDU


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _table()


def crc16(data: bytes) -> int:
    """Return the CRC-16 of a frame (Modbus over Serial Line 1.02, 6.2.2); it is sent low byte first."""
    crc = 0xFFFF
    table = _CRC_TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def encode_frame(unit: int, pdu: bytes) -> bytes:
    """Return the frame that carries `pdu`."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def decode_frame(frame: bytes) -> tuple[int, bytes] | None:
    """Return (unit, PDU) of a whole frame; None for one whose checksum is wrong."""
    return (frame[0], frame[1:-2]) if len(frame) >= SHORTEST and is_sound(frame) else None


def damaged(frame: bytes) -> bytes:
    """Return a frame whose checksum is wrong."""
    return frame[:-1] + bytes((frame[-1] ^ 0xFF,))


def silence_ns(baud: int) -> int:
    """Return the 3.5 characters that must be silent between two frames, in ns.

    Above 19200 baud it is 1.75 ms, whatever the speed (2.5.1.1).
    """
    return 1_750_000 if baud > 19200 else round(3.5 * 11 * 1e9 / baud)


def is_sound(frame: bytes) -> bool:
    """Return whether the checksum at the end of a frame is right."""
    return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


class RtuClientReader:
    """Finds the response to one request among garbage, echoes and the answers to earlier requests."""

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._buffer = b""
        self._transaction: Transaction | None = None

    def expect(self, transaction: Transaction) -> None:
        """Wait for the response to `transaction`; what came before belongs to nobody."""
        self._transaction = transaction
        self._buffer = b""

    def feed(self, data: bytes) -> bytes | None:
        """Return the PDU of the response, or of an exception to it, once it has come whole."""
        transaction = self._transaction
        if transaction is None:
            return None
        buffer = self._buffer = (self._buffer + data)[-2 * MAX_FRAME :]
        at = 0
        while len(buffer) - at >= _OVERHEAD + 2:
            size = self._size(buffer, at, transaction)
            frame = buffer[at : at + size]
            if size > len(buffer) - at:
                return None  # it has our unit, function and byte count: worth waiting for
            if size == 0 or not is_sound(frame):
                at += 1
                continue
            pdu = frame[1:-2]
            ours = is_answer(transaction, pdu) or exception_of(transaction, pdu) is not None
            if ours and frame[0] == self._unit:
                self._transaction = None
                return pdu
            at += size  # a sound frame, but another unit's or request's: step over all of it
        return None

    def received(self) -> str:
        """Return what has come instead of the response, for people; empty when nothing has."""
        if not self._buffer:
            return ""
        shown = self._buffer[:8].hex(" ") + (" ..." if len(self._buffer) > 8 else "")
        return f"{len(self._buffer)} bytes came that are no response to it: {shown}"

    def _size(self, buffer: bytes, at: int, transaction: Transaction) -> int:
        """Return the size of the frame that may begin at `at`, 0 if none can."""
        if buffer[at] == self._unit:
            known = buffer[at + 1 : at + 1 + len(transaction.prefix)]
            if transaction.prefix.startswith(known):
                length = transaction.length or response_length(buffer[at + 1 : at + MAX_FRAME])
                return length + _OVERHEAD
        size = response_size(buffer[at + 1], buffer[at + 2])
        return size if size <= len(buffer) - at else 0


def response_size(function: int, size: int) -> int:
    """Return the size of a response frame by its function; `size` is the byte after it."""
    if function & EXCEPTION_BIT:
        return _OVERHEAD + 2
    if function <= Function.READ_INPUT_REGISTERS or function in (12, 17, 20, 21, 23):
        return _OVERHEAD + 2 + size
    return {5: 8, 6: 8, 7: 5, 8: 8, 11: 8, 15: 8, 16: 8, 22: 10}.get(function, 0)


class RtuServerReader:
    """Finds the requests to one unit (and those to all) on a line."""

    # A frame that stops in the middle is given up after this silence. The standard's 1.5 characters
    # cannot be kept behind USB adapters and busy machines, which pause for tens of milliseconds.
    _PATIENCE_NS = 100_000_000

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._buffer = b""
        self._heard_ns = 0

    def feed(self, time_ns: int, data: bytes) -> list[tuple[int, bytes]]:
        """Return (unit, PDU) of each whole request; `time_ns` is when `data` came."""
        if time_ns - self._heard_ns > self._PATIENCE_NS:
            self._buffer = b""
        self._heard_ns = time_ns
        buffer = self._buffer + data
        requests: list[tuple[int, bytes]] = []
        at = 0
        while len(buffer) - at >= SHORTEST:
            size = request_size(buffer, at)
            if size > len(buffer) - at:
                if buffer[at] in (self._unit, BROADCAST):
                    break
                size = 0
            frame = buffer[at : at + size]
            if size == 0 or not is_sound(frame):
                at += 1
                continue
            if frame[0] in (self._unit, BROADCAST):
                requests.append((frame[0], frame[1:-2]))
            at += size
        self._buffer = buffer[at:][-MAX_FRAME:]
        return requests


_REQUEST_SIZES = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 8), 8),
    **dict.fromkeys((7, 11, 12, 17), 4),
    22: 10, 24: 6, 43: 7,
}  # fmt: skip
_BYTE_COUNT_AT = {15: 6, 16: 6, 20: 2, 21: 2, 23: 10}


def request_size(buffer: bytes, at: int) -> int:
    """Return the size of the request that may begin at `at`; more than there is when it is not whole."""
    function = buffer[at + 1]
    if function in _REQUEST_SIZES:
        return _REQUEST_SIZES[function]
    where = _BYTE_COUNT_AT.get(function)
    rest = len(buffer) - at
    if where is None:
        # An unknown function says nothing of its length: it is a frame if all that came is one.
        return rest if 0 < function < EXCEPTION_BIT and rest <= MAX_FRAME else 0
    if rest <= where:
        return rest + 1
    size = where + 1 + buffer[at + where] + 2
    return size if size <= MAX_FRAME else 0
