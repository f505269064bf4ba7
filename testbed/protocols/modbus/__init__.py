"""Modbus without I/O: addresses of a profile, registers and their values, PDUs, TCP and RTU frames.

`rare` is not handed on here: it imports pymodbus, which only emulators need.
"""

from .bank import Bank
from .framing import ASCII_FRAMING, RTU_FRAMING, Framing
from .layout import Layout, layout_of
from .pdu import (
    MAX_PDU,
    ExceptionCode,
    Refusal,
    Transaction,
    complaint,
    exception_name,
    exception_of,
    is_answer,
    not_as_written,
)
from .plan import PlannedRead, plan_reads
from .registers import RegisterAddress, Table
from .server import Server
from .settings import ModbusSettings
from .sharing import TransactionJunction, place_of
from .tcp import FrameError, TcpReader
from .wire import FRAMINGS, RTU, SCHEMES, SERIAL, TCP, TLS, ModbusWire, modbus_wire, port_of
from .write import plan_write

__all__ = [
    "ASCII_FRAMING",
    "FRAMINGS",
    "MAX_PDU",
    "RTU",
    "RTU_FRAMING",
    "SCHEMES",
    "SERIAL",
    "TCP",
    "TLS",
    "Bank",
    "ExceptionCode",
    "FrameError",
    "Framing",
    "Layout",
    "ModbusSettings",
    "ModbusWire",
    "PlannedRead",
    "Refusal",
    "RegisterAddress",
    "Server",
    "Table",
    "TcpReader",
    "Transaction",
    "TransactionJunction",
    "complaint",
    "exception_name",
    "exception_of",
    "is_answer",
    "layout_of",
    "modbus_wire",
    "not_as_written",
    "place_of",
    "plan_reads",
    "plan_write",
    "port_of",
]
