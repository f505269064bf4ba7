"""Framing as text (Modbus over Serial Line 1.02, 2.5.2): a colon, hex digits, a check, the line end."""

from __future__ import annotations

from .pdu import Transaction, exception_of, is_answer

BROADCAST = 0
MAX_FRAME = 513
"""Characters of the longest frame, colon and line end included."""

_START, _END = b":", b"\r\n"
_LONGEST_BACKLOG = 2 * MAX_FRAME


def lrc(data: bytes) -> int:
    """Return the longitudinal redundancy check: the two's complement of the sum (6.2.1)."""
    return -sum(data) & 0xFF


def encode_frame(unit: int, pdu: bytes) -> bytes:
    """Return the frame that carries `pdu`."""
    body = bytes((unit,)) + pdu
    return _START + (body + bytes((lrc(body),))).hex().upper().encode() + _END


def decode_frame(frame: bytes) -> tuple[int, bytes] | None:
    """Return (unit, PDU) of a whole frame; None for one whose digits or check are wrong."""
    try:
        body = bytes.fromhex(frame.removeprefix(_START).removesuffix(_END).decode("ascii"))
    except ValueError:
        return None
    if len(body) < 3 or lrc(body[:-1]) != body[-1]:
        return None
    return body[0], body[1:-1]


def damaged(frame: bytes) -> bytes:
    """Return a frame whose check is wrong."""
    last = len(frame) - len(_END) - 1
    return frame[:last] + b"%X" % (int(frame[last : last + 1], 16) ^ 1) + _END


def frame_at(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Return from where to where the first whole frame from `at` on stands; None if there is none yet."""
    end = buffer.find(_END, at)
    while end >= 0:
        start = buffer.rfind(_START, at, end)  # a colon within a frame begins it anew
        if start >= 0:
            return start, end + len(_END)
        end = buffer.find(_END, end + len(_END))
    return None


class AsciiClientReader:
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
        buffer = self._buffer = (self._buffer + data)[-_LONGEST_BACKLOG:]
        at = 0
        while (place := frame_at(buffer, at)) is not None:
            found = decode_frame(buffer[place[0] : place[1]])
            at = place[1]
            if found is None or found[0] != self._unit:
                continue
            pdu = found[1]
            if is_answer(transaction, pdu) or exception_of(transaction, pdu) is not None:
                self._transaction = None
                return pdu
        return None

    def received(self) -> str:
        """Return what has come instead of the response, for people; empty when nothing has."""
        if not self._buffer:
            return ""
        return f"{len(self._buffer)} characters came that are no response to it: {self._buffer[:24]!r}"


class AsciiServerReader:
    """Finds the requests to one unit (and those to all) on a line."""

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._buffer = b""

    def feed(self, time_ns: int, data: bytes) -> list[tuple[int, bytes]]:
        """Return (unit, PDU) of each whole request."""
        buffer, at = self._buffer + data, 0
        requests: list[tuple[int, bytes]] = []
        while (place := frame_at(buffer, at)) is not None:
            found = decode_frame(buffer[place[0] : place[1]])
            at = place[1]
            if found is not None and found[0] in (self._unit, BROADCAST):
                requests.append(found)
        self._buffer = buffer[at:][-MAX_FRAME:]
        return requests
