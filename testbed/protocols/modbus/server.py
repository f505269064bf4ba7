"""The device's side: a request PDU in, a response PDU out."""

from __future__ import annotations

from collections.abc import Callable

from . import pdu as codec
from .bank import Bank
from .pdu import READ_TABLES, ExceptionCode, Function, Refusal

_READS_KEPT = 1024  # as many as the bank keeps spans


class Server:
    """Answers requests from a bank of registers (Modbus Application Protocol 1.1b3, chapter 6).

    `rare` answers the functions that have no struct codec here; without it they are refused.
    """

    def __init__(self, bank: Bank, rare: Callable[[bytes], bytes] | None = None) -> None:
        self._bank = bank
        self._rare = rare
        self._reads: dict[bytes, tuple[bytes, Callable[[], bytes]]] = {}
        self._writes: dict[int, Callable[[bytes], None]] = {
            Function.WRITE_SINGLE_COIL: self._write_coil,
            Function.WRITE_SINGLE_REGISTER: self._write_register,
            Function.WRITE_MULTIPLE_COILS: self._write_coils,
            Function.WRITE_MULTIPLE_REGISTERS: self._write_registers,
        }

    def answer(self, pdu: bytes) -> bytes:
        """Return the response, which is an exception response whenever the request cannot be served."""
        known = self._reads.get(pdu)
        if known is not None:
            head, read = known
            return head + read()
        function = pdu[0]
        try:
            if function in READ_TABLES:
                return self._read(pdu)
            write = self._writes.get(function)
            if write is not None:
                write(pdu)
                return pdu[:5]  # all four write functions echo address and value or count
            if self._rare is None:
                raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)
            return self._rare(pdu)
        except Refusal as refusal:
            return codec.exception_response(function, refusal.code)

    def _read(self, pdu: bytes) -> bytes:
        """Answer a read, and know it when it comes again."""
        function = pdu[0]
        read = self._bank.reading(READ_TABLES[Function(function)], *codec.parse_read(pdu))
        data = read()
        if len(self._reads) >= _READS_KEPT:
            self._reads.clear()
        self._reads[pdu] = bytes((function, len(data))), read
        return codec.read_response(function, data)

    def _write_coil(self, pdu: bytes) -> None:
        address, state = codec.parse_write_coil(pdu)
        self._bank.write_coils(address, [state])

    def _write_register(self, pdu: bytes) -> None:
        self._bank.write_registers(*codec.parse_write_register(pdu))

    def _write_coils(self, pdu: bytes) -> None:
        self._bank.write_coils(*codec.parse_write_coils(pdu))

    def _write_registers(self, pdu: bytes) -> None:
        self._bank.write_registers(*codec.parse_write_registers(pdu))
