"""Protocol data units of the functions that a bench uses all the time, as plain structs.

Source: Modbus Application Protocol 1.1b3, chapters 6 and 7. Everything rarer is in `rare.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from .registers import MAX_BITS, MAX_REGISTERS, Table

MAX_WRITE_REGISTERS = 123
MAX_WRITE_BITS = 1968
MAX_PDU = 253
EXCEPTION_BIT = 0x80

_HEAD = struct.Struct(">BHH")
_MULTIPLE = struct.Struct(">BHHB")
_MASK = struct.Struct(">BHHH")
_BOTH = struct.Struct(">BHHHHB")
_COIL = {True: b"\xff\x00", False: b"\x00\x00"}


class Function(IntEnum):
    """The function codes that have a struct here."""

    READ_COILS = 1
    READ_DISCRETE_INPUTS = 2
    READ_HOLDING_REGISTERS = 3
    READ_INPUT_REGISTERS = 4
    WRITE_SINGLE_COIL = 5
    WRITE_SINGLE_REGISTER = 6
    WRITE_MULTIPLE_COILS = 15
    WRITE_MULTIPLE_REGISTERS = 16
    MASK_WRITE_REGISTER = 22
    READ_WRITE_MULTIPLE_REGISTERS = 23
    READ_DEVICE_IDENTIFICATION = 43


READ_FUNCTIONS = {
    Table.COIL: Function.READ_COILS,
    Table.DISCRETE: Function.READ_DISCRETE_INPUTS,
    Table.HOLDING: Function.READ_HOLDING_REGISTERS,
    Table.INPUT: Function.READ_INPUT_REGISTERS,
}

READ_TABLES = {function: table for table, function in READ_FUNCTIONS.items()}


class ExceptionCode(IntEnum):
    """Why a device refuses (1.1b3, chapter 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND = 11


def exception_name(code: int) -> str:
    """Return what people call an exception: "illegal data address (exception 2)"."""
    known = code in ExceptionCode.__members__.values()
    name = ExceptionCode(code).name.lower().replace("_", " ") if known else "unknown"
    return f"{name} (exception {code})"


class Refusal(Exception):
    """A request that the device answers with an exception response."""

    def __init__(self, code: ExceptionCode) -> None:
        super().__init__(exception_name(code))
        self.code = code


class Transaction(NamedTuple):
    """A request, and how a response to it must begin and how long it must be.

    For a read the beginning is function and byte count; for a write it is the whole response, which
    echoes the request's address. So no answer to another request of another shape can pass for it.
    A `length` of 0 says that the response tells its length itself.
    """

    pdu: bytes
    prefix: bytes
    length: int

    @property
    def function(self) -> int:
        """The function code."""
        return self.pdu[0]

    @property
    def is_told_apart(self) -> bool:
        """Whether no late response to another command can pass for its response."""
        return self.pdu[0] != Function.READ_WRITE_MULTIPLE_REGISTERS


# Requests ---------------------------------------------------------------------------------------


def read(function: Function, address: int, count: int) -> Transaction:
    """Return the request for `count` registers or bits from `address` (functions 1 to 4)."""
    size = (count + 7) // 8 if READ_TABLES[function].is_bits else 2 * count
    return Transaction(_HEAD.pack(function, address, count), bytes((function, size)), 2 + size)


def write_coil(address: int, on: bool) -> Transaction:
    """Return the request that sets one coil (function 5)."""
    return _echoed(_HEAD.pack(Function.WRITE_SINGLE_COIL, address, 0)[:3] + _COIL[on])


def write_register(address: int, register: bytes) -> Transaction:
    """Return the request that sets one register to two bytes (function 6)."""
    return _echoed(_HEAD.pack(Function.WRITE_SINGLE_REGISTER, address, 0)[:3] + register)


def write_coils(address: int, bits: Sequence[bool]) -> Transaction:
    """Return the request that sets up to 1968 coils (function 15)."""
    packed = sum(bit << index for index, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    head = _MULTIPLE.pack(Function.WRITE_MULTIPLE_COILS, address, len(bits), len(packed))
    return Transaction(head + packed, head[:5], 5)


def write_registers(address: int, registers: bytes) -> Transaction:
    """Return the request that sets up to 123 registers, two bytes each (function 16)."""
    count = len(registers) // 2
    head = _MULTIPLE.pack(Function.WRITE_MULTIPLE_REGISTERS, address, count, 2 * count)
    return Transaction(head + registers, head[:5], 5)


def mask_write(address: int, keep: int, put: int) -> Transaction:
    """Return the request that sets the bits of a register that are not in `keep` to those of `put` (22)."""
    pdu = _MASK.pack(Function.MASK_WRITE_REGISTER, address, keep, put)
    return Transaction(pdu, pdu, len(pdu))


def write_and_read(address: int, registers: bytes) -> Transaction:
    """Return the request that sets up to 121 registers and reads them back (function 23)."""
    count = len(registers) // 2
    head = _BOTH.pack(Function.READ_WRITE_MULTIPLE_REGISTERS, address, count, address, count, len(registers))
    return Transaction(head + registers, bytes((head[0], len(registers))), 2 + len(registers))


def _echoed(pdu: bytes) -> Transaction:
    return Transaction(pdu, pdu, 5)


# Responses, as the controller reads them ----------------------------------------------------------


def is_answer(transaction: Transaction, pdu: bytes) -> bool:
    """Return whether `pdu` is the response that was hoped for."""
    return pdu.startswith(transaction.prefix) and len(pdu) == (transaction.length or len(pdu))


def exception_of(transaction: Transaction, pdu: bytes) -> int | None:
    """Return the code when `pdu` is the exception response to this function."""
    if len(pdu) == 2 and pdu[0] == transaction.pdu[0] | EXCEPTION_BIT:
        return pdu[1]
    return None


def not_as_written(transaction: Transaction, pdu: bytes) -> str:
    """Return what is wrong when a register that was read back is not what was written; empty if it is."""
    written, held = transaction.pdu[_BOTH.size :], pdu[2:]
    if transaction.is_told_apart or written == held:
        return ""
    return f"the device took it, but holds {held.hex(' ', 2)} where {written.hex(' ', 2)} was written"


def complaint(transaction: Transaction, pdu: bytes) -> str:
    """Return why `pdu` is not the response hoped for: the exception's name, or what was malformed."""
    code = exception_of(transaction, pdu)
    if code is not None:
        return f"the device refused: {exception_name(code)}"
    shown = pdu[:8].hex(" ") + (" ..." if len(pdu) > 8 else "")
    length = f"{transaction.length} bytes in all" if transaction.length else "what it holds"
    expected = f"{transaction.prefix.hex(' ')} and {length}"
    return f"malformed response: {len(pdu)} bytes {shown}, expected {expected}"


# Requests, as the device reads them ---------------------------------------------------------------


def parse_read(pdu: bytes) -> tuple[int, int]:
    """Return (address, count) of a request with function 1 to 4; raises Refusal."""
    if len(pdu) != 5:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    function, address, count = _HEAD.unpack(pdu)
    if not 1 <= count <= (MAX_BITS if function <= Function.READ_DISCRETE_INPUTS else MAX_REGISTERS):
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return address, count


def parse_write_coil(pdu: bytes) -> tuple[int, bool]:
    """Return (address, state) of a request with function 5; raises Refusal."""
    if len(pdu) != 5 or pdu[3:] not in _COIL.values():
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return int.from_bytes(pdu[1:3], "big"), pdu[3] == 0xFF


def parse_write_register(pdu: bytes) -> tuple[int, bytes]:
    """Return (address, register) of a request with function 6; raises Refusal."""
    if len(pdu) != 5:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return int.from_bytes(pdu[1:3], "big"), pdu[3:]


def parse_write_coils(pdu: bytes) -> tuple[int, list[bool]]:
    """Return (address, states) of a request with function 15; raises Refusal."""
    address, count, data = _parse_multiple(pdu, MAX_WRITE_BITS)
    if len(data) != (count + 7) // 8:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    whole = int.from_bytes(data, "little")
    return address, [bool(whole >> index & 1) for index in range(count)]


def parse_write_registers(pdu: bytes) -> tuple[int, bytes]:
    """Return (address, registers) of a request with function 16; raises Refusal."""
    address, count, data = _parse_multiple(pdu, MAX_WRITE_REGISTERS)
    if len(data) != 2 * count:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return address, data


def _parse_multiple(pdu: bytes, limit: int) -> tuple[int, int, bytes]:
    if len(pdu) < 6:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    _, address, count, size = _MULTIPLE.unpack_from(pdu)
    if not 1 <= count <= limit or len(pdu) != 6 + size:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return address, count, pdu[6:]


# Responses, as the device writes them -------------------------------------------------------------


def read_response(function: int, data: bytes) -> bytes:
    """Return the response to a read (functions 1 to 4, 23)."""
    return bytes((function, len(data))) + data


def exception_response(function: int, code: int) -> bytes:
    """Return an exception response."""
    return bytes((function | EXCEPTION_BIT, code))
