"""Several units at one Modbus wire: which wires are one, and whose an answer on a shared connection is."""

from __future__ import annotations

from collections.abc import Iterator

from testbed.bench.wires import Wire

from .tcp import FrameError, TcpReader, encode_frame
from .wire import SERIAL, port_of


def place_of(wire: Wire) -> tuple[str, int] | None:
    """Return where a wire leads without its unit: (host, port) or (path, 0).

    None where the system is yet to choose the port.
    """
    if wire.scheme in SERIAL:
        return wire.path, 0
    return None if wire.port == 0 else (wire.host, port_of(wire))


class TransactionJunction:
    """Gives the requests of all branches ids of one count, and each answer back the id it was asked under.

    So any number of drivers, each counting for itself, have requests in flight on one connection.
    """

    def __init__(self) -> None:
        self._last_id = 0
        self._asked: dict[int, tuple[int, int]] = {}  # by our id: the branch, and its own id
        self._requests: dict[int, TcpReader] = {}
        self._answers = TcpReader()

    def sent(self, branch: int, data: bytes) -> bytes:
        """Renumber whole requests; what can never be one is left out, and its driver gets no answer.

        Half a request must not go out: that of another branch could come into the middle of it.
        """
        reader = self._requests.setdefault(branch, TcpReader())
        whole = b""
        try:
            for number, unit, pdu in reader.feed(data):
                ours = self._last_id = (self._last_id + 1) & 0xFFFF
                self._asked[ours] = (branch, number)
                whole += encode_frame(ours, unit, pdu)
        except FrameError:
            self._requests[branch] = TcpReader()
        return whole

    def received(self, data: bytes) -> Iterator[tuple[int | None, bytes]]:
        """Yield each answer for the branch that asked; doubles are nobody's, broken streams everybody's."""
        try:
            for ours, unit, pdu in self._answers.feed(data):
                branch, number = self._asked.pop(ours, (0, 0))
                if branch:
                    yield branch, encode_frame(number, unit, pdu)
        except FrameError:
            yield None, data
