"""The functions that a bench seldom uses, answered with pymodbus' protocol data units.

Mask write (22), read and write at once (23), the echo of the diagnostics (8/0), report server id (17)
and read device identification (43/14). The standard's other functions (7, 11, 12, 20, 21, 24) are
optional (Modbus Application Protocol 1.1b3, 5), and are refused as illegal functions.

pymodbus has no documented way to use its PDUs without its client and server. Each PDU is decoded by
its own class, not by DecodePDU, which would log a warning to stderr for every malformed request.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pymodbus.constants import DeviceInformation
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU, ReadDeviceInformationRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.pdu.other_message import ReportDeviceIdResponse
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadWriteMultipleRegistersRequest,
)

from .bank import Bank
from .pdu import ExceptionCode, Refusal, read_response
from .registers import MAX_REGISTERS, Table

_MAX_WRITE = 121  # registers that function 23 may write (6.17)
_OBJECT_LIMIT = 100  # bytes of one identification object, so that any two fit one response
_REGULAR = 0x82  # conformity: regular identification, by stream and by object (6.21)


class RareFunctions:
    """Answers them from a bank of registers and the device's identification."""

    def __init__(self, bank: Bank, vendor: str, product: str, revision: str, title: str) -> None:
        self._bank = bank
        texts = {0: vendor, 1: product, 2: revision, 4: title}
        self._identity = {
            number: text.encode("ascii", "replace")[:_OBJECT_LIMIT] for number, text in texts.items()
        }
        self._handlers: dict[int, Callable[[bytes], bytes]] = {
            8: self._diagnose,
            17: self._report_server_id,
            22: self._mask_write,
            23: self._read_and_write,
            43: self._identify,
        }

    def answer(self, pdu: bytes) -> bytes:
        """Return the response; raises Refusal for what is not served or malformed."""
        handler = self._handlers.get(pdu[0])
        if handler is None:
            raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)
        return handler(pdu)

    def _diagnose(self, pdu: bytes) -> bytes:
        if pdu[1:3] != b"\x00\x00":
            raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)
        return pdu

    def _report_server_id(self, pdu: bytes) -> bytes:
        return _encode(ReportDeviceIdResponse(identifier=self._identity[1], status=True))

    def _mask_write(self, pdu: bytes) -> bytes:
        request = _decode(MaskWriteRegisterRequest(), pdu, 7)
        self._bank.mask_write(request.address, request.and_mask, request.or_mask)
        return pdu

    def _read_and_write(self, pdu: bytes) -> bytes:
        request = _decode(ReadWriteMultipleRegistersRequest(), pdu)
        fits = request.write_byte_count == 2 * request.write_count == len(pdu) - 10
        if not (fits and 1 <= request.write_count <= _MAX_WRITE and 1 <= request.read_count <= MAX_REGISTERS):
            raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
        # The read's address is checked before anything is written: a refusal changes nothing.
        self._bank.read(Table.HOLDING, request.read_address, request.read_count)
        self._bank.write_registers(request.write_address, pdu[10:])
        data = self._bank.read(Table.HOLDING, request.read_address, request.read_count)
        return read_response(pdu[0], data)

    def _identify(self, pdu: bytes) -> bytes:
        if pdu[1:2] != b"\x0e":
            raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)
        request = _decode(ReadDeviceInformationRequest(), pdu, 4)
        if request.read_code == DeviceInformation.SPECIFIC:
            if request.object_id not in self._identity:
                raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
            chosen = {request.object_id: self._identity[request.object_id]}
        elif DeviceInformation.BASIC <= request.read_code <= DeviceInformation.EXTENDED:
            last = 2 if request.read_code == DeviceInformation.BASIC else 6
            first = request.object_id if request.object_id in self._identity else 0
            chosen = {key: text for key, text in self._identity.items() if first <= key <= last}
        else:
            raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
        response = ReadDeviceInformationResponse(read_code=request.read_code, information=chosen)
        response.conformity = _REGULAR
        return _encode(response)


def _decode(request: Any, pdu: bytes, length: int | None = None) -> Any:
    """Let a pymodbus request decode itself; raises Refusal when it cannot, or has not `length` bytes."""
    if length is not None and len(pdu) != length:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    try:
        request.decode(pdu[1:])
    except (ModbusException, ValueError, IndexError, struct.error):
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE) from None
    return request


def _encode(response: ModbusPDU) -> bytes:
    return bytes((response.function_code,)) + bytes(response.encode())
